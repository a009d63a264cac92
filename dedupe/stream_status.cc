#include "dedupe/stream_status.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/enum_word.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

// Reports come once a second: five missing ones are silence.
constexpr absl::Duration kReportAgeMax = absl::Seconds(5);
// X sends a heartbeat every 20 s, late by up to 2 s; Gnip's limit is 30 s.
constexpr absl::Duration kByteAgeMax = absl::Seconds(30);
constexpr absl::Duration kRateSpan = absl::Seconds(10);
constexpr absl::Duration kShareSpan = absl::Minutes(1);

absl::Duration ReportAge(const SourceSnapshot& source, absl::Time loop_now) {
  return loop_now - source.report_time;
}

// Between two of the connection's own times, so that no two clocks are
// compared, plus the time since the report came.
absl::Duration ByteAge(const SourceSnapshot& source, absl::Time loop_now) {
  if (!source.report.has_last_byte_time()) return absl::InfiniteDuration();
  return ToTime(source.report.report_time()) - ToTime(source.report.last_byte_time()) +
         ReportAge(source, loop_now);
}

// The same of the stream's beginning.
absl::Duration StreamAge(const SourceSnapshot& source, absl::Time loop_now) {
  absl::Duration age =
      ToTime(source.report.report_time()) - ToTime(source.report.stream_start_time());
  return std::max(absl::ZeroDuration(), age) + ReportAge(source, loop_now);
}

std::string Seconds(absl::Duration duration) {
  return absl::StrCat(absl::ToInt64Seconds(duration), " s");
}

v1::Connection::Presence PresenceOf(const SourceSnapshot& source, absl::Time loop_now) {
  if (source.calls == 0) return v1::Connection::PRESENCE_NEVER_SEEN;
  if (!source.connected) return v1::Connection::PRESENCE_GONE;
  bool silent = ReportAge(source, loop_now) > kReportAgeMax;
  return silent ? v1::Connection::PRESENCE_SILENT : v1::Connection::PRESENCE_REPORTING;
}

// Why it is not receiving, as a sentence.
std::string ProblemOf(const SourceSnapshot& source, absl::Time loop_now) {
  if (source.calls == 0) {
    return absl::StrCat(source.source_id, " has not connected since this deduper started.");
  }
  if (!source.connected) {
    return absl::StrCat(source.source_id, " has not been connected to this deduper for ",
                        Seconds(loop_now - source.close_time),
                        ": what it receives is not known here.");
  }
  if (ReportAge(source, loop_now) > kReportAgeMax) {
    return absl::StrCat(source.source_id, " has not reported for ",
                        source.report_time == absl::InfinitePast()
                            ? "as long as it is connected."
                            : Seconds(ReportAge(source, loop_now)) + ".");
  }
  if (source.report.state() != v1::ConnectionReport::STATE_RECEIVING) {
    std::string name = v1::ConnectionReport::State_Name(source.report.state());
    return absl::StrCat(source.source_id, " is ", EnumWords(name, "STATE_"),
                        source.report.needs_operator()
                            ? absl::StrCat(" and needs an operator: ", source.report.last_cause())
                            : "",
                        ".");
  }
  absl::Duration age = ByteAge(source, loop_now);
  return absl::StrCat(source.source_id, " has received nothing from X",
                      age == absl::InfiniteDuration() ? "." : " for " + Seconds(age) + ".");
}

// Why its copy can not be relied on; empty where it can.
std::string UnsoundText(const ConnectionFacts& connection) {
  const v1::ConnectionReport& report = connection.source.report;
  if (!connection.unsound.empty() || !report.has_data_silence()) return connection.unsound;
  return absl::StrCat("has brought no data for ", Seconds(ToDuration(report.data_silence())),
                      ", longer than its usual rate explains");
}

// Connections that receive, by partition; {all of them} where there are none.
// `sound`: those whose copy can be relied on.
std::vector<int> ReceivingByPartition(const StreamFacts& facts, bool sound) {
  std::vector<int> receiving(std::max<size_t>(1, facts.partition_count), 0);
  for (const ConnectionFacts& connection : facts.connections) {
    if (!IsReceiving(connection.source, facts.loop_now)) continue;
    if (sound && !UnsoundText(connection).empty()) continue;
    size_t index = facts.partition_count == 0 ? 0 : connection.partition - 1;
    if (index < receiving.size()) ++receiving[index];
  }
  return receiving;
}

void AddExposure(const StreamFacts& facts, const std::vector<int>& receiving,
                 v1::StreamStatus* status) {
  for (size_t i = 0; i < receiving.size(); ++i) {
    std::string of = facts.partition_count == 0 ? "" : absl::StrCat(" for partition ", i + 1);
    if (receiving[i] == 0) {
      status->add_problems(absl::StrCat("No connection is receiving", of, "."));
    } else if (receiving[i] == 1) {
      status->add_problems(absl::StrCat("Only one connection is receiving", of,
                                        ": one more failure loses data."));
    }
  }
}

void AddProblems(const StreamFacts& facts, const std::vector<int>& receiving,
                 v1::StreamStatus* status) {
  if (!facts.accepting) {
    status->add_problems("The disk is nearly full: input is refused until there is room.");
  }
  AddExposure(facts, receiving, status);
  std::map<std::pair<uint32_t, std::string>, std::string> networks;
  for (const ConnectionFacts& connection : facts.connections) {
    if (!IsReceiving(connection.source, facts.loop_now)) {
      status->add_problems(ProblemOf(connection.source, facts.loop_now));
    } else if (std::string unsound = UnsoundText(connection); !unsound.empty()) {
      status->add_problems(absl::StrCat(connection.source.source_id, " receives, but ", unsound,
                                        ": what it brings is no copy to rely on."));
    }
    if (IsContested(connection.source, facts.loop_now)) {
      status->add_problems(absl::StrCat("Two processes run as ", connection.source.source_id,
                                        " and take the connection from one another (",
                                        connection.source.takeovers,
                                        " times so far): stop one, or give each its own name."));
    }
    if (connection.network.empty()) continue;
    auto [it, added] = networks.emplace(std::make_pair(connection.partition, connection.network),
                                       connection.source.source_id);
    if (!added) {
      status->add_problems(absl::StrCat(it->second, " and ", connection.source.source_id,
                                        " run in the same network, ", connection.network,
                                        ": one failure can take both."));
    }
  }
}

void FillConnection(const StreamFacts& facts, const ConnectionFacts& connection,
                    const RateWindow& rates, v1::Connection* out) {
  const SourceSnapshot& source = connection.source;
  const std::string& id = source.source_id;
  out->set_name(absl::StrCat("streams/", facts.name, "/connections/", id));
  out->set_network(connection.network);
  out->set_partition(connection.partition);
  out->set_version(source.version);
  *out->mutable_report() = source.report;
  out->mutable_rates()->set_events_per_second(rates.PerSecond(EventsCounter(id), kRateSpan));
  out->mutable_rates()->set_bytes_per_second(rates.PerSecond(BytesCounter(id), kRateSpan));
  double merged = rates.Growth(kMergedCounter, kShareSpan);
  if (merged > 0) {
    // A source may repeat itself: never more than all.
    out->set_first_share(std::min(1.0, rates.Growth(FirstsCounter(id), kShareSpan) / merged));
    out->set_seen_share(std::min(1.0, rates.Growth(EventsCounter(id), kShareSpan) / merged));
  }
  SetDuration(connection.behind.p50, out->mutable_behind_p50());
  SetDuration(connection.behind.p99, out->mutable_behind_p99());
  if (source.connected) {
    SetDuration(facts.loop_now - source.connect_time, out->mutable_up_time());
  }
  out->set_presence(PresenceOf(source, facts.loop_now));
  if (out->presence() == v1::Connection::PRESENCE_REPORTING &&
      source.report.has_stream_start_time()) {
    SetDuration(StreamAge(source, facts.loop_now), out->mutable_stream_up_time());
  }
  if (source.report_time != absl::InfinitePast()) {
    SetDuration(ReportAge(source, facts.loop_now), out->mutable_report_age());
  }
  absl::Duration byte_age = ByteAge(source, facts.loop_now);
  if (out->presence() == v1::Connection::PRESENCE_REPORTING &&
      byte_age != absl::InfiniteDuration()) {
    SetDuration(std::max(absl::ZeroDuration(), byte_age), out->mutable_last_byte_age());
  }
  if (out->presence() == v1::Connection::PRESENCE_GONE) {
    SetTime(facts.now - (facts.loop_now - source.close_time), out->mutable_gone_time());
  }
  out->set_takeovers(source.takeovers);
  out->set_contested(IsContested(source, facts.loop_now));
  uint64_t connects = source.report.connects();
  out->set_reconnects(connects > 0 ? connects - 1 : 0);
}

void FillMerged(const RateWindow& rates, v1::StreamStatus::Rates* out) {
  out->set_events_per_second(rates.PerSecond(kMergedCounter, kRateSpan));
  out->set_bytes_per_second(rates.PerSecond(kMergedBytesCounter, kRateSpan));
  out->set_duplicates_per_second(rates.PerSecond(kDuplicatesCounter, kRateSpan));
  double events = rates.Growth(kLiveEventsCounter, kShareSpan);
  if (events > 0) {
    out->set_copies_per_event(rates.Growth(kLiveCopiesCounter, kShareSpan) / events);
  }
}

}  // namespace

std::string EventsCounter(const std::string& connection) { return connection + "/events"; }
std::string FirstsCounter(const std::string& connection) { return connection + "/firsts"; }
std::string BytesCounter(const std::string& connection) { return connection + "/bytes"; }

bool IsReceiving(const SourceSnapshot& source, absl::Time loop_now) {
  return source.connected && source.report.state() == v1::ConnectionReport::STATE_RECEIVING &&
         ReportAge(source, loop_now) <= kReportAgeMax && ByteAge(source, loop_now) <= kByteAgeMax;
}

v1::StreamStatus BuildStatus(const StreamFacts& facts, const RateWindow& rates) {
  v1::StreamStatus status;
  status.set_stream(absl::StrCat("streams/", facts.name));
  status.set_log_id(facts.log_id);
  SetTime(facts.now, status.mutable_sample_time());
  for (const ConnectionFacts& connection : facts.connections) {
    FillConnection(facts, connection, rates, status.add_connections());
  }
  std::vector<int> receiving = ReceivingByPartition(facts, false);
  std::vector<int> sound = ReceivingByPartition(facts, true);
  bool is_dark = *std::min_element(receiving.begin(), receiving.end()) == 0;
  bool is_redundant = *std::min_element(sound.begin(), sound.end()) >= 2;
  status.set_health(is_dark        ? v1::StreamStatus::HEALTH_DARK
                    : is_redundant ? v1::StreamStatus::HEALTH_REDUNDANT
                                   : v1::StreamStatus::HEALTH_EXPOSED);
  AddProblems(facts, receiving, &status);
  FillMerged(rates, status.mutable_merged());
  status.set_last_sequence(facts.core.next_sequence() - 1);
  status.set_earliest_sequence(facts.core.earliest_sequence());
  absl::Time floor = absl::FromUnixMicros(facts.core.floor_micros());
  if (facts.core.now_micros() > 0) SetTime(floor, status.mutable_floor_time());
  status.mutable_window()->set_entries(facts.window_entries);
  status.mutable_window()->set_memory_bytes(facts.window_memory_bytes);
  status.mutable_window()->set_disk_bytes(facts.window_disk_bytes);
  if (facts.core.now_micros() > 0) {
    SetDuration(facts.now - floor, status.mutable_window()->mutable_span());
  }
  SetDuration(facts.commit_delay_p50, status.mutable_commit_delay_p50());
  SetDuration(facts.commit_delay_p99, status.mutable_commit_delay_p99());
  status.set_disk_free_bytes(facts.disk_free_bytes);
  status.set_tails(facts.tails);
  status.set_merged_events(facts.core.merged_events());
  status.set_duplicate_events(facts.core.duplicate_events());
  status.set_late_events(facts.core.late_events());
  status.set_lost_lines(facts.core.lost_lines());
  if (facts.core.rule_set().version() > 0) *status.mutable_rule_set() = facts.core.rule_set();
  return status;
}

}  // namespace braid
