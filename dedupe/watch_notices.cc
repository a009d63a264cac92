#include "dedupe/watch_notices.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

using Kind = VolumeChange::Kind;
using Notice = v1::StreamNotice;

Notice::Type TypeOf(Kind kind) {
  switch (kind) {
    case Kind::kDropBegan:
      return Notice::TYPE_VOLUME_DROP_BEGAN;
    case Kind::kDropEnded:
      return Notice::TYPE_VOLUME_DROP_ENDED;
    case Kind::kSurgeBegan:
      return Notice::TYPE_VOLUME_SURGE_BEGAN;
    case Kind::kSurgeEnded:
      return Notice::TYPE_VOLUME_SURGE_ENDED;
    case Kind::kCapped:
      return Notice::TYPE_VOLUME_CAPPED;
    case Kind::kUncapped:
      return Notice::TYPE_VOLUME_UNCAPPED;
  }
  return Notice::TYPE_UNSPECIFIED;
}

std::string WordsOf(const VolumeChange& change) {
  switch (change.kind) {
    case Kind::kDropBegan:
      return "volume drop began";
    case Kind::kDropEnded:
      return change.became_usual ? "volume drop ended: it lasts, so it counts as usual"
                                 : "volume drop ended";
    case Kind::kSurgeBegan:
      return "volume surge began";
    case Kind::kSurgeEnded:
      return change.became_usual ? "volume surge ended: it lasts, so it counts as usual"
                                 : "volume surge ended";
    case Kind::kCapped:
      return "volume is flat at the contract's cap: X may withhold the rest";
    case Kind::kUncapped:
      return "volume is no longer at the contract's cap";
  }
  return "";
}

std::string Rate(double per_second) { return absl::StrFormat("%.3g/s", per_second); }

std::string Seconds(int64_t micros) {
  return absl::StrFormat("%.1f s", static_cast<double>(micros) / 1e6);
}

// What both notices of a limit say of it.
Notice::UsageEvidence EvidenceOf(const UsageLimit& limit) {
  Notice::UsageEvidence usage;
  usage.set_per(PeriodWord(limit.period));
  usage.set_limit_posts(limit.posts);
  usage.set_action(ActionWord(limit.action));
  for (const std::string& rule : limit.rules) usage.add_rules(rule);
  return usage;
}

}  // namespace

Notice UsageNotice(const UsageEvent& event, const UsageLimit& limit) {
  Notice notice;
  notice.set_type(event.reached ? Notice::TYPE_USAGE_LIMIT_REACHED : Notice::TYPE_USAGE_WARNING);
  Notice::UsageEvidence* usage = notice.mutable_usage();
  *usage = EvidenceOf(limit);
  usage->set_posts(event.posts);
  usage->set_percent(event.percent);
  std::string action;
  if (event.reached && limit.action == UsageLimit::Action::kPause) action = "; the stream pauses";
  if (event.reached && limit.action == UsageLimit::Action::kRemoveRules) {
    action = absl::StrCat("; rules to remove, by tag: ", absl::StrJoin(limit.rules, ", "));
  }
  notice.set_message(absl::StrCat(event.posts, " posts of this ", usage->per(), "'s limit of ",
                                  limit.posts, " (", event.percent, " %)", action));
  return notice;
}

Notice RulesRemovedNotice(const UsageLimit& limit) {
  Notice notice;
  notice.set_type(Notice::TYPE_RULES_REMOVED);
  *notice.mutable_usage() = EvidenceOf(limit);
  notice.set_message(absl::StrCat("X has no rules any more that are tagged ",
                                  absl::StrJoin(limit.rules, ", "), ": limit of ", limit.posts,
                                  " posts per ", notice.usage().per()));
  return notice;
}

Notice VolumeNotice(const VolumeWatch::Change& found) {
  const VolumeChange& change = found.change;
  Notice notice;
  notice.set_type(TypeOf(change.kind));
  Notice::VolumeEvidence* volume = notice.mutable_volume();
  volume->set_rule_tag(found.tag);
  SetTime(absl::FromUnixSeconds(change.since_seconds), volume->mutable_since_time());
  volume->set_observed_per_second(change.observed_per_second);
  volume->set_expected_per_second(change.expected_per_second);
  volume->set_became_usual(change.became_usual);
  notice.set_message(absl::StrCat(
      WordsOf(change), found.tag.empty() ? "" : absl::StrCat(" (rule ", found.tag, ")"), ": ",
      Rate(change.observed_per_second), " instead of ", Rate(change.expected_per_second), " since ",
      absl::FormatTime(absl::RFC3339_sec, absl::FromUnixSeconds(change.since_seconds),
                       absl::UTCTimeZone())));
  return notice;
}

Notice LagNotice(const std::string& connection, const LagModel::Change& change,
                 const store::v1::LagSeries& series) {
  Notice notice;
  notice.set_type(change.began ? Notice::TYPE_LAG_BEGAN : Notice::TYPE_LAG_ENDED);
  Notice::LagEvidence* lag = notice.mutable_lag();
  lag->set_connection_id(connection);
  SetTime(change.since, lag->mutable_since_time());
  SetDuration(absl::Microseconds(series.p50_micros()), lag->mutable_p50());
  SetDuration(absl::Microseconds(series.p99_micros()), lag->mutable_p99());
  notice.set_message(
      absl::StrCat(connection.empty() ? "posts arrive" : connection + " receives",
                   change.began ? " late: " : " in time again: ", Seconds(series.p50_micros()),
                   " after their creation, 1 % ", Seconds(series.p99_micros()), " or more"));
  return notice;
}

}  // namespace braid
