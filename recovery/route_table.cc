#include "recovery/route_table.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/enum_word.h"

namespace braid {
namespace {

using v1::RecoveryJob;

// X documents no least age for recovery (X-API 6): a minute, by which live posts
// have long arrived (2.12).
constexpr absl::Duration kAgeMin = absl::Minutes(1);
// Live connections come first: recovery takes a fifth of the attempts that X
// counts for both (5.2).
constexpr int kShareOfConnects = 5;
// In pages: recent search gives 100, PowerTrack's 500 (1.15, 2.2); lookup 100.
constexpr int kV2Page = 100;
constexpr int kGnipPage = 500;

// Not asked of X: whatever a connector that is away still holds.
RouteLimits SpoolRoute() {
  RouteLimits route;
  route.method = RecoveryJob::METHOD_SPOOL;
  route.window = absl::InfiniteDuration();
  return route;
}

// 1.12, 2.8. Passive; a reconnect on purpose leaves the stream with one connection
// for some seconds: one at a time, and two in the time in which X counts connects.
RouteLimits BackfillRoute(const Dialect& dialect) {
  RouteLimits route;
  route.method = RecoveryJob::METHOD_BACKFILL;
  route.window = absl::Minutes(dialect.backfill_minutes_max);
  route.jobs = 1;
  route.requests = 2;
  route.request_window = absl::Minutes(15);
  route.granularity = absl::Minutes(1);
  return route;
}

// 24 h, two at a time (1.14, 2.8). Gnip delivers minute by minute and at 1,000
// posts/s at most; v2 names neither.
RouteLimits RecoveryRoute(const Dialect& dialect) {
  const bool gnip = dialect.family == XFamily::kGnip;
  RouteLimits route;
  route.method = RecoveryJob::METHOD_RECOVERY;
  route.window = absl::Hours(24);
  route.min_age = kAgeMin;
  route.jobs = 2;
  route.requests = std::max(1, dialect.connect_budget.attempts / kShareOfConnects);
  route.request_window = dialect.connect_budget.window;
  route.posts_per_second = gnip ? 1000 : 0;
  route.granularity = gnip ? absl::Minutes(1) : absl::Seconds(1);
  return route;
}

// Five days; the end at least 30 min old and the start 31, so 31 for both; five
// requests per 5 min (1.8, 1.13). How many at a time is stated nowhere: one.
RouteLimits ReplayRoute() {
  RouteLimits route;
  route.method = RecoveryJob::METHOD_REPLAY;
  route.window = absl::Hours(5 * 24);
  route.min_age = absl::Minutes(31);
  route.jobs = 1;
  route.requests = 5;
  route.request_window = absl::Minutes(5);
  route.granularity = absl::Minutes(1);
  return route;
}

// v2: recent search, 7 days, 450 pages per 15 min, posts at least 30 s old (2.2).
// Gnip: full archive, of which 30 days are as good as all; 120 pages a minute
// (1.8, 1.15). A second search would share the same pages: one at a time.
RouteLimits SearchRoute(const Dialect& dialect) {
  const bool gnip = dialect.family == XFamily::kGnip;
  RouteLimits route;
  route.method = RecoveryJob::METHOD_SEARCH;
  route.window = absl::Hours(24) * (gnip ? 30 : 7);
  route.min_age = kAgeMin;
  route.jobs = 1;
  route.requests = gnip ? 120 : 450;
  route.request_window = absl::Minutes(gnip ? 1 : 15);
  route.posts_per_request = gnip ? kGnipPage : kV2Page;
  route.granularity = gnip ? absl::Minutes(1) : absl::Seconds(1);
  return route;
}

// v2: no bound of age is stated; 30 days as Gnip's (1.15). 3,500 per 15 min
// (2.2).
RouteLimits LookupRoute() {
  RouteLimits route;
  route.method = RecoveryJob::METHOD_LOOKUP;
  route.window = absl::Hours(30 * 24);
  route.jobs = 1;
  route.requests = 3500;
  route.request_window = absl::Minutes(15);
  route.posts_per_request = kV2Page;
  route.granularity = absl::Seconds(1);
  return route;
}

// What a number of the configuration may be.
struct Bounds {
  uint64_t min;
  uint64_t max;
  absl::string_view text;
};
constexpr uint64_t kSecond = 1000;
constexpr uint64_t kMinute = 60 * kSecond;
constexpr uint64_t kHour = 60 * kMinute;
constexpr uint64_t kDay = 24 * kHour;
// 30 days: the longest that a log is kept.
constexpr Bounds kWindow = {kMinute, 30 * kDay, "1min to 30d"};
constexpr Bounds kMinAge = {0, kDay, "0s to 1d"};
constexpr Bounds kRequestWindow = {kSecond, kDay, "1s to 1d"};
constexpr Bounds kCount = {1, 100'000, "1 to 100000"};
constexpr Bounds kRate = {1, 10'000'000, "1 to 10000000"};
constexpr Bounds kRepeat = {kSecond, kDay, "1s to 24h"};
constexpr Bounds kPadding = {0, kHour, "0s to 1h"};
constexpr Bounds kStep = {kMinute, kDay, "1min to 1d"};
constexpr Bounds kPercent = {0, 100, "0 to 100"};

// The checks of one RecoveryConfig; says everything that is wrong with it.
class PolicyReader {
 public:
  PolicyReader(const config::v1::RecoveryConfig& config, std::vector<PolicyProblem>* problems)
      : config_(config), problems_(*problems) {}

  absl::optional<RecoveryPolicy> Read() {
    const size_t before = problems_.size();
    const std::string name = config_.dialect().empty() ? "x-v2-filtered" : config_.dialect();
    const Dialect* dialect = FindDialect(name);
    if (dialect == nullptr) {
      Problem("recovery.dialect", absl::StrCat("\"", name, "\" is none; write one of ",
                                               absl::StrJoin(DialectNames(), ", ")));
      return absl::nullopt;
    }
    policy_.routes = RoutesOf(*dialect);
    policy_.search_misses_operators = dialect->has_rules;
    // Documented of v2 only (2.5).
    policy_.bills_per_day = dialect->family == XFamily::kV2;
    ReadQuotas();
    ReadRanges();
    for (int i = 0; i < config_.routes_size(); ++i) ReadRoute(i, *dialect);
    if (problems_.size() > before) return absl::nullopt;
    return policy_;
  }

 private:
  void Problem(std::string key, std::string text) {
    problems_.push_back({std::move(key), std::move(text)});
  }

  void ReadQuotas() {
    policy_.automatic = !config_.has_automatic() || config_.automatic();
    policy_.same_day = !config_.has_same_day() || config_.same_day();
    policy_.posts_per_day = config_.posts_per_day();
    policy_.posts_per_job = config_.posts_per_job();
    if (config_.has_reserve_percent()) {
      policy_.reserve_percent =
          static_cast<int>(Ranged("recovery.reserve_percent", config_.reserve_percent(), kPercent));
    }
    if (policy_.posts_per_day != 0 && policy_.posts_per_job > policy_.posts_per_day) {
      Problem("recovery.posts_per_job",
              absl::StrCat(policy_.posts_per_job,
                           " are more than recovery.posts_per_day; write at most ",
                           policy_.posts_per_day));
    }
  }

  void ReadRanges() {
    if (config_.repeat_after_ms() != 0) {
      policy_.repeat_after = Time("recovery.repeat_after", config_.repeat_after_ms(), kRepeat);
    }
    if (config_.has_pad_before_ms()) {
      policy_.pad_before = Time("recovery.pad_before", config_.pad_before_ms(), kPadding);
    }
    if (config_.has_pad_after_ms()) {
      policy_.pad_after = Time("recovery.pad_after", config_.pad_after_ms(), kPadding);
    }
    if (config_.step_max_ms() != 0) {
      policy_.step_max = Time("recovery.step_max", config_.step_max_ms(), kStep);
    }
  }

  void ReadRoute(int index, const Dialect& dialect) {
    const config::v1::RouteConfig& from = config_.routes(index);
    const std::string key = absl::StrCat("recovery.routes[", index, "].");
    RouteLimits* to = RouteNamed(from.method());
    if (to == nullptr) {
      return Problem(key + "method",
                     absl::StrCat(dialect.name, " has no route \"", from.method(),
                                  "\"; write one of ", RouteWords(), ", or take the entry out"));
    }
    for (int i = 0; i < index; ++i) {
      if (config_.routes(i).method() != from.method()) continue;
      return Problem(key + "method", absl::StrCat("\"", from.method(), "\" is routes[", i,
                                                  "], too; make one entry of them"));
    }
    to->off = from.off();
    if (from.window_ms() != 0) to->window = Time(key + "window", from.window_ms(), kWindow);
    if (from.min_age_ms() != 0) to->min_age = Time(key + "min_age", from.min_age_ms(), kMinAge);
    if (from.jobs() != 0) to->jobs = Count(key + "jobs", from.jobs(), kCount);
    if (from.requests() != 0) to->requests = Count(key + "requests", from.requests(), kCount);
    if (from.request_window_ms() != 0) {
      to->request_window = Time(key + "request_window", from.request_window_ms(), kRequestWindow);
    }
    if (from.posts_per_second() != 0) {
      to->posts_per_second = Count(key + "posts_per_second", from.posts_per_second(), kRate);
    }
    CheckRoute(key, *to);
  }

  void CheckRoute(const std::string& key, const RouteLimits& route) {
    const bool backfill = route.method == RecoveryJob::METHOD_BACKFILL;
    if (backfill && route.window > absl::Minutes(5)) {
      Problem(key + "window", "X has 5 minutes of backfill at most; write 5min or less");
    } else if (route.window <= route.min_age) {
      Problem(key + "window",
              "nothing is old enough and still there: it must be longer than min_age");
    }
  }

  RouteLimits* RouteNamed(const std::string& word) {
    for (RouteLimits& route : policy_.routes) {
      const bool configurable = route.method != RecoveryJob::METHOD_SPOOL;
      if (configurable && MethodWord(route.method) == word) return &route;
    }
    return nullptr;
  }

  std::string RouteWords() const {
    std::vector<std::string> words;
    for (const RouteLimits& route : policy_.routes) {
      if (route.method != RecoveryJob::METHOD_SPOOL) words.push_back(MethodWord(route.method));
    }
    return absl::StrJoin(words, ", ");
  }

  uint64_t Ranged(const std::string& key, uint64_t value, const Bounds& bounds) {
    if (value >= bounds.min && value <= bounds.max) return value;
    Problem(key, absl::StrCat("out of range; write ", bounds.text));
    return bounds.max;
  }
  absl::Duration Time(const std::string& key, uint64_t millis, const Bounds& bounds) {
    return absl::Milliseconds(static_cast<int64_t>(Ranged(key, millis, bounds)));
  }
  int Count(const std::string& key, uint64_t value, const Bounds& bounds) {
    return static_cast<int>(Ranged(key, value, bounds));
  }

  const config::v1::RecoveryConfig& config_;
  RecoveryPolicy policy_;
  std::vector<PolicyProblem>& problems_;
};

}  // namespace

// Search needs a query that equals the stream: its rules (1.15). Powerstream's
// rules are known to no search (2.14). Lookup knows posts only, and answers in
// v2's form.
std::vector<RouteLimits> RoutesOf(const Dialect& dialect) {
  const bool posts = dialect.unknown == v1::EVENT_KIND_UNSPECIFIED;
  std::vector<RouteLimits> routes = {SpoolRoute()};
  if (dialect.backfill_minutes_max > 0) routes.push_back(BackfillRoute(dialect));
  if (dialect.has_recovery) routes.push_back(RecoveryRoute(dialect));
  if (dialect.has_replay) routes.push_back(ReplayRoute());
  if (dialect.has_rules && dialect.family != XFamily::kPowerstream) {
    routes.push_back(SearchRoute(dialect));
  }
  if (posts && dialect.family == XFamily::kV2) routes.push_back(LookupRoute());
  return routes;
}

absl::StatusOr<RecoveryPolicy> PolicyOf(const config::v1::RecoveryConfig& config) {
  std::vector<PolicyProblem> problems;
  absl::optional<RecoveryPolicy> policy = PolicyOf(config, &problems);
  if (policy) return *std::move(policy);
  std::vector<std::string> texts;
  for (const PolicyProblem& each : problems) texts.push_back(each.key + ": " + each.text);
  return absl::InvalidArgumentError(absl::StrJoin(texts, "; "));
}

absl::optional<RecoveryPolicy> PolicyOf(const config::v1::RecoveryConfig& config,
                                        std::vector<PolicyProblem>* problems) {
  return PolicyReader(config, problems).Read();
}

const RouteLimits* FindRoute(const RecoveryPolicy& policy, RecoveryMethod method) {
  auto route = std::find_if(policy.routes.begin(), policy.routes.end(),
                            [&](const RouteLimits& limits) { return limits.method == method; });
  return route == policy.routes.end() ? nullptr : &*route;
}

bool IsPassive(RecoveryMethod method) {
  return method == RecoveryJob::METHOD_SPOOL || method == RecoveryJob::METHOD_BACKFILL;
}

std::vector<const RouteLimits*> RangeRoutes(const RecoveryPolicy& policy) {
  std::vector<const RouteLimits*> routes;
  for (const RouteLimits& route : policy.routes) {
    bool asks_for_ranges = !IsPassive(route.method) && route.method != RecoveryJob::METHOD_LOOKUP;
    if (asks_for_ranges && !route.off) routes.push_back(&route);
  }
  return routes;
}

std::string MethodWord(RecoveryMethod method) {
  return EnumLabel(RecoveryJob::Method_Name(method), "METHOD_");
}

}  // namespace braid
