#include "dedupe/watch_status.h"

#include <gtest/gtest.h>

#include "proto/proto_time.h"

namespace braid {
namespace {

v1::StreamStatus StatusOf(const WatchStatus& watch) {
  v1::StreamStatus status;
  status.set_stream("streams/main");
  FillWatchStatus(watch, &status);
  return status;
}

WatchStatus Paused(const std::string& reason) {
  WatchStatus watch;
  watch.paused = true;
  watch.pause.set_reason(reason);
  return watch;
}

TEST(WatchStatusTest, AnOperatorsPauseNamesTheCommandThatEndsIt) {
  v1::StreamStatus status = StatusOf(Paused("quota"));
  ASSERT_EQ(status.problems_size(), 1);
  EXPECT_EQ(status.problems(0),
            "The stream is paused by an operator (quota): `braid stream resume --stream main` ends "
            "it.");
}

TEST(WatchStatusTest, ALimitsPauseNamesItsEndAndWhatEndsItBefore) {
  WatchStatus watch = Paused("limit of 100 posts per day reached");
  SetTime(absl::FromUnixSeconds(1'795'219'200), watch.pause.mutable_end_time());
  v1::StreamStatus status = StatusOf(watch);
  ASSERT_EQ(status.problems_size(), 1);
  EXPECT_EQ(status.problems(0),
            "The stream is paused by a limit (limit of 100 posts per day reached) until 2026-11-21 "
            "00:00 UTC: `braid stream resume --stream main` ends it now, as does a deduper's start "
            "with a higher limit.");
}

}  // namespace
}  // namespace braid
