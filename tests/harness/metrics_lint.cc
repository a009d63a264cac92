#include "tests/harness/metrics_lint.h"

#include <cmath>
#include <map>
#include <regex>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace braid::harness {
namespace {

// Last words of gauges that are no unit: what is counted or what state it is.
// A new gauge either ends in a unit or gets its word here, on purpose.
const std::set<std::string>& GaugeWords() {
  static const auto* const words = new std::set<std::string>{
      "connected", "fds",      "health",  "info",    "receiving", "records", "segments", "sequence",
      "state",     "streams",  "threads", "entries", "strays",    "waiting", "exceeded", "operator",
      "rollbacks", "sessions", "alert",   "listed",  "rules",     "version", "budget",   "used",
      "capped",    "paused",   "rate",    "today",   "gaps",      "jobs"};
  return *words;
}
const std::set<std::string>& Units() {
  static const auto* const units = new std::set<std::string>{"bytes", "ratio", "seconds"};
  return *units;
}
// Units that Prometheus' names do not use.
constexpr char kOtherUnits[] =
    "(^|_)(ms|millis|milliseconds|us|micros|microseconds|nanoseconds|minutes|hours|days|"
    "kilobytes|megabytes|kib|mib|bits|percent)(_|$)";

class Linter {
 public:
  std::vector<std::string> Lint(const std::string& text) {
    if (!absl::EndsWith(text, "\n")) Problem("text", "does not end in a newline");
    for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
      if (absl::ConsumePrefix(&line, "# HELP ")) {
        ReadHelp(std::string(line));
      } else if (absl::ConsumePrefix(&line, "# TYPE ")) {
        ReadType(std::string(line));
      } else if (!absl::StartsWith(line, "#")) {
        ReadSample(std::string(line));
      }
    }
    if (sample_count_ == 0) Problem("text", "holds no sample");
    EndFamily();
    return std::move(problems_);
  }

 private:
  struct Buckets {
    double last = 0;
    double infinite = -1;
  };

  void Problem(const std::string& where, const std::string& what) {
    problems_.push_back(absl::StrCat(where, ": ", what));
  }

  void ReadHelp(const std::string& line) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    if (!helped_.insert(parts.first).second) Problem(parts.first, "has HELP twice");
    if (!absl::EndsWith(parts.second, ".")) Problem(parts.first, "HELP is to be a sentence");
  }

  void ReadType(const std::string& line) {
    EndFamily();
    const std::pair<std::string, std::string> parts = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    family_ = parts.first;
    type_ = parts.second;
    if (!typed_.insert(family_).second) Problem(family_, "appears twice");
    if (helped_.count(family_) == 0) Problem(family_, "has no HELP");
    CheckName();
  }

  void CheckName() {
    static const auto* const form = new std::regex("(braid|process)(_[a-z0-9]+)+");
    static const auto* const other_units = new std::regex(kOtherUnits);
    if (!std::regex_match(family_, *form)) Problem(family_, "is to be braid_ and words");
    if (std::regex_search(family_, *other_units))
      Problem(family_, "has a unit that is no base unit");
    if (absl::StrContains(family_, type_)) Problem(family_, "names its type");
    const std::vector<std::string> words =
        absl::StrSplit(absl::StripSuffix(family_, "_total"), '_');
    const bool total = absl::EndsWith(family_, "_total");
    if (total != (type_ == "counter")) Problem(family_, "counters, and only they, end in _total");
    for (size_t i = 0; i + 1 < words.size(); ++i) {
      if (Units().count(words[i]) > 0) Problem(family_, "has its unit before the end");
    }
    const bool has_unit = Units().count(words.back()) > 0;
    if (type_ == "histogram" && !has_unit) Problem(family_, "histograms end in a unit");
    if (type_ == "gauge" && !has_unit && GaugeWords().count(words.back()) == 0) {
      Problem(family_, "gauges end in a unit or in a known word");
    }
    if (absl::StrContains(family_, "timestamp") && !absl::EndsWith(family_, "_timestamp_seconds")) {
      Problem(family_, "timestamps end in _timestamp_seconds");
    }
  }

  void ReadSample(const std::string& line) {
    static const auto* const form =
        new std::regex(R"(([a-z_0-9]+)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*\})? (\S+))");
    std::smatch match;
    if (!std::regex_match(line, match, *form)) return Problem(line, "is no sample");
    ++sample_count_;
    const std::string name = match[1];
    const std::string labels = match[2];
    double value = 0;
    if (!absl::SimpleAtod(match[3].str(), &value)) Problem(line, "has no number");
    if (!samples_.insert(name + labels).second) Problem(line, "stands twice");
    if (type_ == "histogram") return ReadHistogramSample(name, labels, value);
    if (name != family_) Problem(line, "stands outside its family");
    if (type_ == "counter" && !(value >= 0 && std::isfinite(value))) Problem(line, "is no count");
    if (absl::StrContains(labels, "le=\"")) Problem(line, "has the label le");
  }

  void ReadHistogramSample(const std::string& name, const std::string& labels, double value) {
    static const auto* const limit = new std::regex(R"(,?le="([^"]*)\")");
    if (name == family_ + "_bucket") {
      std::smatch match;
      if (!std::regex_search(labels, match, *limit)) return Problem(name, "has no label le");
      std::string rest = std::regex_replace(labels, *limit, "");
      Buckets& buckets = buckets_[rest == "{}" ? "" : rest];
      if (value < buckets.last) Problem(name + labels, "is below the bucket before it");
      buckets.last = value;
      if (match[1] == "+Inf") buckets.infinite = value;
    } else if (name == family_ + "_count") {
      counts_[labels] = value;
    } else if (name != family_ + "_sum") {
      Problem(name, "stands outside its family");
    }
  }

  void EndFamily() {
    if (buckets_.size() != counts_.size()) Problem(family_, "lacks _bucket or _count");
    for (const auto& [labels, buckets] : buckets_) {
      if (buckets.infinite != counts_[labels]) {
        Problem(family_ + labels, "bucket +Inf is not its count");
      }
    }
    buckets_.clear();
    counts_.clear();
  }

  std::vector<std::string> problems_;
  std::set<std::string> helped_;
  std::set<std::string> typed_;
  std::set<std::string> samples_;
  int sample_count_ = 0;
  // Of the family that is being read.
  std::string family_;
  std::string type_;
  std::map<std::string, Buckets> buckets_;
  std::map<std::string, double> counts_;
};

}  // namespace

std::vector<std::string> LintMetrics(const std::string& text) { return Linter().Lint(text); }

}  // namespace braid::harness
