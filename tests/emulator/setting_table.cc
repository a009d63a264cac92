#include "tests/emulator/setting_table.h"

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace braid::emulator {
namespace {

using Setter = std::function<bool(const std::string&, const SettingTargets&)>;

struct Setting {
  const char* name;
  const char* help;
  Setter set;
};

template <typename Where>
Setter Seconds(Where where) {
  return [where](const std::string& text, const SettingTargets& targets) {
    double seconds = 0;
    if (!absl::SimpleAtod(text, &seconds) || seconds < 0) return false;
    where(targets) = absl::Seconds(seconds);
    return true;
  };
}

template <typename Where>
Setter Real(Where where, double least = 0) {
  return [where, least](const std::string& text, const SettingTargets& targets) {
    double value = 0;
    if (!absl::SimpleAtod(text, &value) || value < least) return false;
    where(targets) = value;
    return true;
  };
}

template <typename Where>
Setter Count(Where where, int64_t least = 0) {
  return [where, least](const std::string& text, const SettingTargets& targets) {
    int64_t value = 0;
    if (!absl::SimpleAtoi(text, &value) || value < least) return false;
    where(targets) = static_cast<std::decay_t<decltype(where(targets))>>(value);
    return true;
  };
}

template <typename Where, typename Value>
Setter Choice(Where where, std::map<std::string, Value> values) {
  return [where, values](const std::string& text, const SettingTargets& targets) {
    auto found = values.find(text);
    if (found == values.end()) return false;
    where(targets) = found->second;
    return true;
  };
}

template <typename Where>
Setter YesNo(Where where) {
  return Choice(where, std::map<std::string, bool>{{"yes", true}, {"no", false}});
}

#define X_FIELD(field) \
  [](const SettingTargets& targets) -> auto& { return targets.x->field; }
#define MIX_FIELD(field) \
  [](const SettingTargets& targets) -> auto& { return targets.mix->field; }

std::vector<Setting> ConnectionSettings() {
  return {
      {"slots", "connections per account, stream and partition", Count(X_FIELD(slots))},
      {"connect_limit", "0: X's numbers shown; -1: enforced; N: this one, enforced",
       Count(X_FIELD(connect_limit), -1)},
      {"zombie_slot", "seconds a slot stays taken after the client went away",
       Seconds(X_FIELD(zombie_slot))},
      {"gnip_grace", "seconds that too many connections are tolerated",
       Seconds(X_FIELD(gnip_grace))},
      {"gnip_ends", "newest or oldest connection after the grace",
       Choice(X_FIELD(gnip_ends_newest),
              std::map<std::string, bool>{{"newest", true}, {"oldest", false}})},
      {"gzip", "yes, no: v2 streams for clients that accept it", YesNo(X_FIELD(gzip))},
      {"needs_rules", "yes: 409 for a filtered stream without rules", YesNo(X_FIELD(needs_rules))},
      {"gnip_format", "native or activity",
       Choice(X_FIELD(gnip_is_activity_streams),
              std::map<std::string, bool>{{"native", false}, {"activity", true}})},
      {"powerstream_framing", "object or array per line",
       Choice(X_FIELD(powerstream_is_array),
              std::map<std::string, bool>{{"object", false}, {"array", true}})},
      {"keep_alive", "seconds of silence until \\r\\n, v2", Seconds(X_FIELD(stream.keep_alive))},
      {"gnip_keep_alive", "the same of Gnip", Seconds(X_FIELD(gnip_keep_alive))},
      {"keep_alive_jitter", "share of it that it may come later",
       Real(X_FIELD(stream.keep_alive_jitter))},
      {"buffer_bytes", "may wait for a slow client", Count(X_FIELD(stream.client_buffer_bytes))},
      {"buffer_posts", "may wait for a slow client; 0: not counted",
       Count(X_FIELD(stream.client_buffer_posts))},
      {"slow_cut", "message or silent",
       Choice(X_FIELD(stream.slow_cut_has_message),
              std::map<std::string, bool>{{"message", true}, {"silent", false}})},
      {"chunk_bytes", "of one chunk at most", Count(X_FIELD(stream.framing.chunk_bytes_max), 1)},
      {"segment_bytes", "of one write at most; 0: as many as fit",
       Count(X_FIELD(stream.framing.segment_bytes_max))},
      {"bytes_per_second", "slow trickle; 0: none", Real(X_FIELD(stream.framing.bytes_per_second))},
      {"glued_keep_alives", "share of chunks of data with a keep-alive in front",
       Real(X_FIELD(stream.framing.glued_keep_alives))},
      {"gzip_flush", "yes; no: bad gzip, records wait in the compressor",
       YesNo(X_FIELD(stream.framing.gzip_flushes))},
  };
}

std::vector<Setting> PastSettings() {
  return {
      {"backfill", "full, ignored, partial (half the minutes) or interleaved with live posts",
       Choice(X_FIELD(backfill),
              std::map<std::string, BackfillMode>{{"full", BackfillMode::kFull},
                                                  {"ignored", BackfillMode::kIgnored},
                                                  {"partial", BackfillMode::kPartial},
                                                  {"interleaved", BackfillMode::kInterleaved}})},
      {"full_buffer_forgets", "yes: no backfill for the reconnect after a full buffer",
       YesNo(X_FIELD(full_buffer_forgets))},
      {"recovery_window", "seconds that recovery reaches back", Seconds(X_FIELD(recovery_window))},
      {"jobs", "recoveries or replays at a time", Count(X_FIELD(job_count_max))},
      {"job_rate", "posts a second of a job; 0: no limit", Real(X_FIELD(job_rate))},
      {"job_fault", "none, errors, failed, premature or lost-final",
       Choice(X_FIELD(job_fault),
              std::map<std::string, JobFault>{{"none", JobFault::kNone},
                                              {"errors", JobFault::kErrors},
                                              {"failed", JobFault::kFailed},
                                              {"premature", JobFault::kPremature},
                                              {"lost-final", JobFault::kLostFinal}})},
      {"job_failed_minutes", "with job_fault=errors", Count(X_FIELD(job_failed_minutes), 1)},
  };
}

std::vector<Setting> MixSettings() {
  return {
      {"duplicates", "share of posts that repeat a recent one", Real(MIX_FIELD(duplicates))},
      {"variants", "share that repeat one with other bytes", Real(MIX_FIELD(variants))},
      {"edits", "share that replace a recent one under a new id", Real(MIX_FIELD(edits))},
      {"deletes", "recent posts deleted, per post", Real(MIX_FIELD(deletes))},
      {"late", "share that appears late_by after the time in its id", Real(MIX_FIELD(late))},
      {"late_by", "seconds", Seconds(MIX_FIELD(late_by))},
      {"likes", "per post, for the streams of likes", Real(MIX_FIELD(likes))},
      {"compliance", "of each kind per post", Real(MIX_FIELD(compliance))},
      {"labels", "per post", Real(MIX_FIELD(labels))},
      {"activities", "per post", Real(MIX_FIELD(activities))},
      {"everything", "yes: likes and so on from the start, not from the first such stream",
       YesNo(MIX_FIELD(everything))},
  };
}

const std::vector<Setting>& Settings() {
  static const std::vector<Setting>& all = *[] {
    auto* out = new std::vector<Setting>(ConnectionSettings());
    for (auto& more : {PastSettings(), MixSettings()}) {
      out->insert(out->end(), more.begin(), more.end());
    }
    return out;
  }();
  return all;
}

}  // namespace

absl::Status ApplySetting(const std::string& name, const std::string& value,
                          const SettingTargets& targets) {
  for (const Setting& setting : Settings()) {
    if (name != setting.name) continue;
    if (setting.set(value, targets)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(name, "=", value, ": ", setting.help));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown setting ", name, "; they are:\n", SettingHelp()));
}

std::string SettingHelp() {
  std::string out;
  for (const Setting& setting : Settings()) {
    absl::StrAppend(&out, "  ", setting.name, ": ", setting.help, "\n");
  }
  return out;
}

}  // namespace braid::emulator
