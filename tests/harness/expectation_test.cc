#include "tests/harness/expectation.h"

#include <gtest/gtest.h>

namespace braid::harness {
namespace {

using emulator::EndKind;
using emulator::Truth;
using emulator::TruthConnection;

// Ten posts, ids 100 to 109.
Truth MakeTruth() {
  Truth truth;
  for (uint64_t id = 100; id < 110; ++id) truth.emissions.push_back({id, 0});
  return truth;
}

TruthConnection Connection(uint32_t number, const std::string& tag, EndKind end) {
  TruthConnection connection;
  connection.number = number;
  connection.tag = tag;
  connection.end_kind = end;
  return connection;
}

TEST(Expectation, PartlySentIsAllowedAndNotRequired) {
  Truth truth = MakeTruth();
  TruthConnection a = Connection(1, "a", EndKind::kOpen);
  a.sent = {{0, 2}};
  a.maybe = {{2, 1}};
  truth.connections = {a};
  Expectation expectation = Expect(truth, AnyConnection);
  EXPECT_EQ(expectation.sent, (std::vector<uint64_t>{100, 101, 102}));
  EXPECT_EQ(expectation.required, (std::vector<uint64_t>{100, 101}));
}

TEST(Expectation, OnlyTheNewestOpenConnectionOfATagStayedUp) {
  Truth truth = MakeTruth();
  TruthConnection unnoticed = Connection(1, "a", EndKind::kOpen);
  TruthConnection cut = Connection(2, "b", EndKind::kReset);
  TruthConnection newest = Connection(3, "a", EndKind::kEmulatorStopped);
  truth.connections = {unnoticed, cut, newest};
  EXPECT_FALSE(StayedUp(truth, unnoticed));
  EXPECT_FALSE(StayedUp(truth, cut));
  EXPECT_TRUE(StayedUp(truth, newest));
}

TEST(Expectation, DroppedPostsAreNeitherAllowedNorRequired) {
  Truth truth = MakeTruth();
  TruthConnection a = Connection(1, "a", EndKind::kOpen);
  a.dropped = {{0, 10}};
  truth.connections = {a};
  Expectation expectation = Expect(truth, AnyConnection);
  EXPECT_TRUE(expectation.sent.empty());
  EXPECT_TRUE(expectation.required.empty());
}

TEST(Expectation, WhatOnlyAFetchWasSentBeforeTheStreamIsNotRequired) {
  Truth truth = MakeTruth();
  TruthConnection live = Connection(1, "a", EndKind::kOpen);
  live.sent = {{4, 2}};
  TruthConnection fetch = Connection(2, "r", EndKind::kJobDone);
  fetch.sent = {{1, 1}, {3, 5}};
  truth.connections = {live, fetch};
  emulator::TruthRequest asked_live, asked_fetch;
  asked_live.connection = 1;
  asked_live.line = "GET /2/tweets/search/stream?backfill_minutes=5";
  asked_fetch.connection = 2;
  asked_fetch.line = "GET /2/tweets/search/stream?end_time=2026-11-22T07:44:56Z&start_time=…";
  truth.requests = {asked_live, asked_fetch};
  Expectation expectation = ExpectCreated(truth);
  EXPECT_EQ(expectation.required, (std::vector<uint64_t>{104, 105, 106, 107, 108, 109}));
  EXPECT_EQ(expectation.sent.size(), 10u);
}

}  // namespace
}  // namespace braid::harness
