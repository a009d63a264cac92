#include "tests/emulator/truth.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/emulator/truth_writer.h"

namespace braid::emulator {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1800000000);

class TruthTest : public testing::Test {
 protected:
  TruthTest() : path_(absl::StrCat(testing::TempDir(), "/truth-test-", getpid())) {}
  ~TruthTest() override { unlink(path_.c_str()); }

  std::string Bytes() {
    std::ifstream file(path_, std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  }

  // Two connections: the first got 0..2 and partly 3, the second dropped 1.
  void WriteExample() {
    TruthWriter writer;
    ASSERT_TRUE(writer.Open(path_, 42, kStart).ok());
    writer.Connected(1, "a", "127.0.0.1:1", kStart);
    writer.Connected(2, "b", "127.0.0.1:2", kStart + absl::Seconds(1));
    writer.Created(0, {11, 12, 11 | truth_format::kDuplicateBit}, kStart + absl::Seconds(2));
    writer.Sent(1, 0, 2, kStart);
    writer.Sent(1, 2, 1, kStart);
    writer.Sent(2, 0, 1, kStart);
    writer.Dropped(2, 1, 1, kStart);
    writer.Sent(2, 2, 1, kStart);
    writer.Created(3, {13}, kStart + absl::Seconds(3));
    writer.Maybe(1, 3, 1, kStart);
    writer.Ended(1, EndKind::kReset, kStart + absl::Seconds(4));
    writer.Finished(kStart + absl::Seconds(5));
  }

  const std::string path_;
};

TEST_F(TruthTest, WhatWasWrittenIsRead) {
  WriteExample();
  absl::StatusOr<Truth> truth = ReadTruth(path_);
  ASSERT_TRUE(truth.ok()) << truth.status();
  EXPECT_EQ(truth->seed, 42u);
  EXPECT_EQ(truth->started, kStart);
  EXPECT_TRUE(truth->finished);
  ASSERT_EQ(truth->emissions.size(), 4u);
  EXPECT_TRUE(truth->emissions[2].is_duplicate());
  EXPECT_EQ(truth->emissions[2].post_id(), 11u);
  EXPECT_EQ(truth->emissions[3].time(), kStart + absl::Seconds(3));
  ASSERT_EQ(truth->connections.size(), 2u);
  const TruthConnection& first = truth->connections[0];
  EXPECT_EQ(first.tag, "a");
  EXPECT_EQ(first.address, "127.0.0.1:1");
  EXPECT_EQ(truth->SentCount(first), 3u);
  ASSERT_EQ(first.sent.size(), 1u);
  EXPECT_EQ(first.end_kind, EndKind::kReset);
  EXPECT_EQ(first.ended, kStart + absl::Seconds(4));
  EXPECT_EQ(truth->connections[1].end_kind, EndKind::kOpen);
  EXPECT_EQ(truth->connections[1].sent.size(), 2u);
  EXPECT_EQ(truth->connections[1].dropped.size(), 1u);
}

TEST_F(TruthTest, SetsOfIdsHoldWhatTheirNamesSay) {
  WriteExample();
  Truth truth = *ReadTruth(path_);
  EXPECT_EQ(truth.CreatedIds(), (absl::flat_hash_set<uint64_t>{11, 12, 13}));
  EXPECT_EQ(truth.SentToAny(), (absl::flat_hash_set<uint64_t>{11, 12}));
  EXPECT_EQ(truth.PossiblySentToAny(), (absl::flat_hash_set<uint64_t>{11, 12, 13}));
  EXPECT_EQ(truth.SentIds(truth.connections[1]), (absl::flat_hash_set<uint64_t>{11}));
}

TEST_F(TruthTest, FileCutAnywhereIsReadUpToTheCut) {
  WriteExample();
  std::string bytes = Bytes();
  size_t last_count = 0;
  for (size_t size = truth_format::kHeaderBytes; size < bytes.size(); ++size) {
    absl::StatusOr<Truth> truth = ParseTruth(absl::string_view(bytes).substr(0, size));
    ASSERT_TRUE(truth.ok()) << size << " " << truth.status();
    EXPECT_FALSE(truth->finished);
    EXPECT_GE(truth->emissions.size(), last_count);
    last_count = truth->emissions.size();
  }
  EXPECT_EQ(last_count, 4u);
}

TEST_F(TruthTest, ForeignFilesAreRefused) {
  EXPECT_FALSE(ParseTruth("").ok());
  EXPECT_FALSE(ParseTruth(std::string(100, 'x')).ok());
  WriteExample();
  std::string future = Bytes();
  future[8] = 2;
  EXPECT_FALSE(ParseTruth(future).ok());
  EXPECT_FALSE(ReadTruth("/no/such/file").ok());
}

TEST_F(TruthTest, WriterWithoutAFileDoesNothing) {
  TruthWriter writer;
  writer.Created(0, {1}, kStart);
  writer.Sent(1, 0, 1, kStart);
  writer.Finished(kStart);
  EXPECT_FALSE(ReadTruth(path_).ok());
}

}  // namespace
}  // namespace braid::emulator
