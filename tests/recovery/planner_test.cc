// Outages and the plans that they get, one line each; then what the lines do not
// show.

#include "recovery/planner.h"

#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "tests/recovery/plan_line.h"

namespace braid {
namespace {

using config::v1::RecoveryConfig;
using testing::HasSubstr;
using v1::Gap;
using v1::RecoveryJob;
using Outcome = RecoveryPlan::Outcome;

constexpr RecoveryMethod kSpool = RecoveryJob::METHOD_SPOOL;
constexpr RecoveryMethod kBackfill = RecoveryJob::METHOD_BACKFILL;
constexpr RecoveryMethod kRecovery = RecoveryJob::METHOD_RECOVERY;
constexpr RecoveryMethod kReplay = RecoveryJob::METHOD_REPLAY;
constexpr RecoveryMethod kSearch = RecoveryJob::METHOD_SEARCH;
constexpr RecoveryMethod kLookup = RecoveryJob::METHOD_LOOKUP;

RecoveryConfig ConfigOf(const std::string& dialect) {
  RecoveryConfig config;
  config.set_dialect(dialect);
  return config;
}

RecoveryPolicy PolicyOrDie(const RecoveryConfig& config) {
  absl::StatusOr<RecoveryPolicy> policy = PolicyOf(config);
  EXPECT_TRUE(policy.ok()) << policy.status();
  return *std::move(policy);
}

// By hand as people ask: no cause.
struct Outage {
  std::string name;
  std::string dialect;
  std::string now;
  std::string from;
  std::string until;
  std::string plan;
  Gap::Kind kind = Gap::KIND_TOTAL_OUTAGE;
  std::function<void(PlanRequest*, PlanFacts*, RecoveryConfig*)> also = nullptr;
};

void ByHand(PlanRequest* request, RecoveryMethod method) {
  request->by_hand = true;
  request->kind = Gap::KIND_UNSPECIFIED;
  request->method = method;
}

using Also = std::function<void(PlanRequest*, PlanFacts*, RecoveryConfig*)>;

Also Hand(RecoveryMethod method = RecoveryJob::METHOD_UNSPECIFIED) {
  return [=](PlanRequest* request, PlanFacts*, RecoveryConfig*) { ByHand(request, method); };
}
Also Request(std::function<void(PlanRequest*)> change) {
  return [=](PlanRequest* request, PlanFacts*, RecoveryConfig*) { change(request); };
}
Also Facts(std::function<void(PlanFacts*)> change) {
  return [=](PlanRequest*, PlanFacts* facts, RecoveryConfig*) { change(facts); };
}
Also Config(std::function<void(RecoveryConfig*)> change) {
  return [=](PlanRequest*, PlanFacts*, RecoveryConfig* config) { change(config); };
}
Also Both(Also one, Also other) {
  return [=](PlanRequest* request, PlanFacts* facts, RecoveryConfig* config) {
    one(request, facts, config);
    other(request, facts, config);
  };
}
Also Grows() {
  return Request([](PlanRequest* request) { request->growing = true; });
}
Also Spent(std::vector<RecoveryMethod> methods) {
  return Request([=](PlanRequest* request) { request->spent = methods; });
}
Also SpoolUntil(const std::string& time) {
  return Request([=](PlanRequest* request) { request->spool_until = At(time); });
}
Also Ids(std::vector<std::string> times) {
  return Request([=](PlanRequest* request) {
    for (const std::string& time : times) request->post_ids.push_back(FirstSnowflakeAt(At(time)));
  });
}
Also Floor(const std::string& time) {
  return Facts([=](PlanFacts* facts) { facts->floor = At(time); });
}
Also UnderWay(const std::string& from, const std::string& until) {
  return Facts([=](PlanFacts* facts) { facts->under_way.emplace_back(At(from), At(until)); });
}
Also InUse(RecoveryMethod method, int running, std::vector<std::string> starts) {
  return Facts([=](PlanFacts* facts) {
    PlanFacts::Use use;
    use.method = method;
    use.running = running;
    for (const std::string& start : starts) use.starts.push_back(At(start));
    facts->use.push_back(use);
  });
}
Also WaitOf(RecoveryMethod method, const char* until) {
  return Facts([=](PlanFacts* facts) {
    PlanFacts::Use use;
    use.method = method;
    use.not_before = At(until);
    facts->use.push_back(use);
  });
}
// Posts per day and job of a stream of 10 posts/s, and how many are gone.
Also Quota(uint64_t per_day, uint64_t per_job, uint64_t today) {
  return [=](PlanRequest* request, PlanFacts* facts, RecoveryConfig* config) {
    request->usual_rate = 10;
    facts->posts_today = today;
    config->set_posts_per_day(per_day);
    config->set_posts_per_job(per_job);
  };
}
Also Off(const std::string& method) {
  return Config([=](RecoveryConfig* config) {
    config::v1::RouteConfig* route = config->add_routes();
    route->set_method(method);
    route->set_off(true);
  });
}

Also MayReconnect() {
  return Facts([](PlanFacts* facts) { facts->may_reconnect = true; });
}

const char kV2[] = "x-v2-filtered";
const char kGnip[] = "gnip-powertrack";

const std::vector<Outage>& Outages() {
  static const auto& outages = *new std::vector<Outage>{
      {"3 min, ended 12 s ago", kV2, "12:15:00", "12:11:48", "12:14:48",
       "waits with 12:11:48-12:14:48 until 12:15:48; connectors ask for it as they "
       "reconnect: it comes until 12:15:48"},
      {"3 min, ended a minute ago: no backfill brought it", kV2, "12:15:48", "12:11:48", "12:14:48",
       "recovery 12:11:48-12:14:48 by 12:10:48-12:15:18 at 12:16:18; not backfill: the "
       "connections that came back have had theirs"},
      {"3 min, goes on", kV2, "12:15:00", "12:12:00", "12:15:00",
       "waits with 12:12:00-12:15:00 until 12:16:00; connectors ask for it as they "
       "reconnect: it comes until 12:16:00",
       Gap::KIND_TOTAL_OUTAGE, Grows()},
      {"4 min 30 s, goes on: backfill reaches its start for 30 s", kV2, "12:15:00", "12:10:30",
       "12:15:00",
       "waits with 12:10:30-12:15:00 until 12:15:30; connectors ask for it as they "
       "reconnect: it comes until 12:15:30",
       Gap::KIND_TOTAL_OUTAGE, Grows()},
      {"5 min: X gives whole minutes", kV2, "12:15:00", "12:09:50", "12:14:50",
       "recovery 12:09:50-12:14:50 by 12:08:50-12:15:20 at 12:16:20; not backfill: "
       "reaches back 5 min and the range is 5 min long"},
      {"14 min, ended 12 s ago", kV2, "12:14:12", "12:00:00", "12:14:00",
       "recovery 12:00:00-12:14:00 by 11:59:00-12:14:30 at 12:15:30; not backfill: "
       "reaches back 5 min and the range is 14 min long"},
      {"14 min, long over", kV2, "15:00:00", "12:00:00", "12:14:00",
       "recovery 12:00:00-12:14:00 by 11:59:00-12:14:30 at 15:00:00; not backfill: "
       "reaches back 5 min and the range is 14 min long"},
      {"2 min, full buffer", kV2, "12:15:00", "12:12:48", "12:14:48",
       "recovery 12:12:48-12:14:48 by 12:11:48-12:15:18 at 12:16:18; not backfill: X "
       "threw its buffer away and does not send it again",
       Gap::KIND_BUFFER_DISCARDED},
      {"30 s, full buffer, goes on", kV2, "12:15:00", "12:14:30", "12:15:00",
       "waits with 12:14:30-12:15:00 until 13:16:00; the range still grows: what is "
       "too young follows; not backfill: X threw its buffer away and does not send it "
       "again",
       Gap::KIND_BUFFER_DISCARDED, Grows()},
      {"2 min lost on the way to the deduper", kV2, "12:15:00", "12:12:48", "12:14:48",
       "recovery 12:12:48-12:14:48 by 12:11:48-12:15:18 at 12:16:18; not backfill: "
       "connectors ask for it only when they reconnect, and recovery has it without that",
       Gap::KIND_FORWARDING_LOSS},
      {"2 min of one side only", kV2, "12:15:00", "12:12:48", "12:14:48",
       "recovery 12:12:48-12:14:48 by 12:11:48-12:15:18 at 12:16:18; not backfill: "
       "connectors ask for it only when they reconnect, and recovery has it without that",
       Gap::KIND_ONE_SIDED},
      {"one side only, its ids known, nothing else allowed", kV2, "12:15:00", "12:00:00",
       "12:10:00",
       "lookup 12:01:07-12:01:09 by 12:01:07-12:01:09 at 12:15:00; lookup "
       "12:05:30-12:05:31 by 12:05:30-12:05:31 at 12:15:00; lost 12:00:00-12:01:07, "
       "12:01:09-12:05:30, 12:05:31-12:10:00; not backfill: connectors ask for it only "
       "when they reconnect; a reconnect takes 60 s and reaches back 5 min, and the "
       "range began 15 min ago; not recovery: switched off in the configuration; not "
       "search: switched off in the configuration",
       Gap::KIND_ONE_SIDED,
       Both(Ids({"12:01:07.250", "12:01:08", "12:05:30.900"}),
            Both(Off("recovery"), Off("search")))},
      {"drop of volume", kV2, "12:15:00", "12:00:00", "12:10:00",
       "nothing: only suspected: nothing says that posts are missing; fetched only by "
       "hand",
       Gap::KIND_VOLUME_DROP},
      {"paused", kV2, "12:15:00", "12:00:00", "12:10:00",
       "nothing: paused on purpose: fetched only by hand", Gap::KIND_PAUSED},
      {"paused, by hand", kV2, "12:15:00", "12:00:00", "12:10:00",
       "recovery 12:00:00-12:10:00 by 11:59:00-12:10:30 at 12:15:00; not backfill: "
       "connectors ask for it only when they reconnect, and recovery has it without that",
       Gap::KIND_PAUSED, Request([](PlanRequest* request) { request->by_hand = true; })},
      {"automatic is off", kV2, "12:15:00", "12:00:00", "12:10:00",
       "nothing: recovery.automatic is false: fetched only by hand", Gap::KIND_TOTAL_OUTAGE,
       Config([](RecoveryConfig* config) { config->set_automatic(false); })},
      {"automatic is off, by hand", kV2, "12:15:00", "12:00:00", "12:10:00",
       "recovery 12:00:00-12:10:00 by 11:59:00-12:10:30 at 12:15:00; not backfill: "
       "connectors ask for it only when they reconnect, and recovery has it without that",
       Gap::KIND_TOTAL_OUTAGE,
       Both(Hand(), Config([](RecoveryConfig* config) { config->set_automatic(false); }))},
      {"61 min: two steps", kV2, "12:15:00", "11:00:00", "12:01:00",
       "recovery 11:00:00-12:00:00 by 10:59:00-12:00:30 at 12:15:00; recovery "
       "12:00:00-12:01:00 by 11:59:00-12:01:30 at 12:15:00; not backfill: reaches back "
       "5 min and the range is 61 min long"},
      {"7 h", kV2, "12:15:00", "05:00:00", "12:00:00",
       "recovery 05:00:00-06:00:00 by 04:59:00-06:00:30 at 12:15:00; ... 7 steps; "
       "recovery 11:00:00-12:00:00 by 10:59:00-12:00:30 at 12:15:00; not backfill: "
       "reaches back 5 min and the range is 7 h long"},
      {"an hour, 30 h ago", kV2, "12:15:00", "11-20 06:00:00", "11-20 07:00:00",
       "search 11-20 06:00:00-11-20 07:00:00 by 11-20 05:59:00-11-20 07:00:30 at "
       "12:15:00; not backfill: reaches back 5 min and the range is 60 min long; not "
       "recovery: reaches back 24 h and the range began 30 h 15 min ago"},
      {"30 h: the old part by search", kV2, "12:15:00", "11-20 06:00:00", "12:00:00",
       "recovery 11-20 12:30:33-11-20 13:30:33 by 11-20 12:30:33-11-20 13:31:03 at "
       "12:15:00; ... 31 steps; search 11-20 12:00:00-11-20 12:30:33 by 11-20 "
       "11:59:00-11-20 12:31:03 at 12:15:00; not backfill: reaches back 5 min and the "
       "range is 30 h long"},
      {"an hour, 8 d ago", kV2, "12:15:00", "11-13 06:00:00", "11-13 07:00:00",
       "lost: spool: no connector is away with what it received; backfill: reaches "
       "back 5 min and the range is 60 min long; recovery: reaches back 24 h and the "
       "range began 8 d 6 h ago; search: reaches back 7 d and the range began 8 d 6 h "
       "ago; lookup: no ids are known to be missing"},
      {"an hour, 8 d ago, two ids known", kV2, "12:15:00", "11-13 06:00:00", "11-13 07:00:00",
       "lookup 11-13 06:30:00-11-13 06:30:01 by 11-13 06:30:00-11-13 06:30:01 at "
       "12:15:00; lost 11-13 06:00:00-11-13 06:30:00, 11-13 06:30:01-11-13 07:00:00; "
       "not backfill: reaches back 5 min and the range is 60 min long; not recovery: "
       "reaches back 24 h and the range began 8 d 6 h ago; not search: reaches back 7 "
       "d and the range began 8 d 6 h ago",
       Gap::KIND_TOTAL_OUTAGE, Ids({"11-13 06:30:00.100", "11-13 06:30:00.200"})},
      {"half an hour, the first of it expires in 5 min", kV2, "12:15:00", "11-20 12:20:00",
       "11-20 12:50:00",
       "recovery 11-20 12:23:03-11-20 12:50:00 by 11-20 12:22:17-11-20 12:50:30 at "
       "12:15:00; search 11-20 12:20:00-11-20 12:23:03 by 11-20 12:19:00-11-20 "
       "12:23:33 at 12:15:00; not backfill: reaches back 5 min and the range is 30 min "
       "long"},
      {"the same, but search is off", kV2, "12:15:00", "11-20 12:20:00", "11-20 12:50:00",
       "recovery 11-20 12:23:03-11-20 12:50:00 by 11-20 12:22:17-11-20 12:50:30 at "
       "12:15:00; lost 11-20 12:20:00-11-20 12:23:03; not backfill: reaches back 5 min "
       "and the range is 30 min long; not search: switched off in the configuration",
       Gap::KIND_TOTAL_OUTAGE, Off("search")},
      {"recovery failed for it", kV2, "12:15:00", "12:00:00", "12:10:00",
       "search 12:00:00-12:10:00 by 11:59:00-12:10:30 at 12:15:00; not backfill: "
       "reaches back 5 min and the range is 10 min long; not recovery: failed for this "
       "range before",
       Gap::KIND_TOTAL_OUTAGE, Spent({kRecovery})},
      {"every route failed for it", kV2, "12:15:00", "12:00:00", "12:10:00",
       "lost: spool: no connector is away with what it received; backfill: reaches "
       "back 5 min and the range is 10 min long; recovery: failed for this range "
       "before; search: failed for this range before; lookup: failed for this range "
       "before",
       Gap::KIND_TOTAL_OUTAGE, Spent({kRecovery, kSearch, kLookup})},
      {"X runs two already", kV2, "12:15:00", "12:00:00", "12:10:00",
       "recovery 12:00:00-12:10:00 by 11:59:00-12:10:30 at 12:15:00; not backfill: "
       "reaches back 5 min and the range is 10 min long",
       Gap::KIND_TOTAL_OUTAGE, InUse(kRecovery, 2, {"12:01:00", "12:02:00"})},
      {"the requests of the window are used up", kV2, "12:15:00", "12:00:00", "12:10:00",
       "recovery 12:00:00-12:10:00 by 11:59:00-12:10:30 at 12:18:00; not backfill: "
       "reaches back 5 min and the range is 10 min long",
       Gap::KIND_TOTAL_OUTAGE,
       InUse(kRecovery, 0,
             {"12:03:00", "12:03:01", "12:03:02", "12:03:03", "12:03:04", "12:03:05", "12:03:06",
              "12:03:07", "12:03:08", "12:03:09"})},
      {"X asked to wait", kV2, "12:15:00", "12:00:00", "12:10:00",
       "recovery 12:00:00-12:10:00 by 11:59:00-12:10:30 at 12:20:00; not backfill: "
       "reaches back 5 min and the range is 10 min long",
       Gap::KIND_TOTAL_OUTAGE, Facts([](PlanFacts* facts) { facts->not_before = At("12:20:00"); })},
      {"X asked to wait, of this route", kV2, "12:15:00", "12:00:00", "12:10:00",
       "recovery 12:00:00-12:10:00 by 11:59:00-12:10:30 at 12:20:00; not backfill: "
       "reaches back 5 min and the range is 10 min long",
       Gap::KIND_TOTAL_OUTAGE, WaitOf(kRecovery, "12:20:00")},
      {"X asked to wait, of another route", kV2, "12:15:00", "12:00:00", "12:10:00",
       "recovery 12:00:00-12:10:00 by 11:59:00-12:10:30 at 12:15:00; not backfill: "
       "reaches back 5 min and the range is 10 min long",
       Gap::KIND_TOTAL_OUTAGE, WaitOf(RecoveryJob::METHOD_SEARCH, "12:20:00")},
      {"the day's posts are used up", kV2, "12:15:00", "12:00:00", "12:10:00",
       "waits with 12:00:00-12:10:00 until 11-22 00:00:00; needs more than the 0 posts "
       "that are left of today's 100000 (recovery.posts_per_day) beside the reserve; "
       "not backfill: reaches back 5 min and the range is 10 min long; not recovery: "
       "needs more than the 0 posts that are left of today's 100000 "
       "(recovery.posts_per_day) beside the reserve",
       Gap::KIND_TOTAL_OUTAGE, Quota(100000, 0, 90000)},
      {"the day's posts are enough for a half", kV2, "12:15:00", "08:00:00", "12:00:00",
       "recovery 08:00:00-09:00:00 by 07:59:00-09:00:30 at 12:15:00; recovery "
       "09:00:00-10:00:00 by 08:59:00-10:00:30 at 12:15:00; waits with "
       "10:00:00-12:00:00 until 11-22 00:00:00; not backfill: reaches back 5 min and "
       "the range is 4 h long",
       Gap::KIND_TOTAL_OUTAGE, Quota(100000, 0, 10000)},
      {"the reserve is for people", kV2, "12:15:00", "12:00:00", "12:10:00",
       "recovery 12:00:00-12:10:00 by 11:59:00-12:10:30 at 12:15:00; not backfill: "
       "connectors ask for it only when they reconnect, and recovery has it without that",
       Gap::KIND_TOTAL_OUTAGE, Both(Hand(), Quota(100000, 0, 90000))},
      {"by hand, beyond the reserve", kV2, "12:15:00", "12:00:00", "12:10:00",
       "refused: the range needs more than the 5000 posts that are left of today's "
       "100000 (recovery.posts_per_day): ask for a shorter one, or raise that",
       Gap::KIND_TOTAL_OUTAGE, Both(Hand(), Quota(100000, 0, 95000))},
      {"two hours, one job may have 50,000 posts", kV2, "12:15:00", "10:00:00", "12:00:00",
       "recovery 10:00:00-11:00:00 by 09:59:00-11:00:30 at 12:15:00; waits with "
       "11:00:00-12:00:00 until 12:15:10; not backfill: reaches back 5 min and the "
       "range is 2 h long",
       Gap::KIND_TOTAL_OUTAGE, Quota(0, 50000, 0)},
      {"all of it is under way", kV2, "12:15:00", "12:00:00", "12:10:00",
       "nothing: all of it is being fetched, or is planned, already", Gap::KIND_TOTAL_OUTAGE,
       UnderWay("11:55:00", "12:10:00")},
      {"the middle of it is under way", kV2, "12:15:00", "12:00:00", "12:10:00",
       "recovery 12:00:00-12:03:00 by 11:59:00-12:03:30 at 12:15:00; recovery "
       "12:05:00-12:10:00 by 12:04:00-12:10:30 at 12:15:00; not backfill: reaches back "
       "5 min and the range is 10 min long",
       Gap::KIND_TOTAL_OUTAGE, UnderWay("12:03:00", "12:05:00")},
      {"the first half is below the floor", kV2, "12:15:00", "10:00:00", "11:00:00",
       "recovery 10:30:00-11:00:00 by 10:30:00-11:00:30 at 12:15:00; lost "
       "10:00:00-10:30:00; not backfill: reaches back 5 min and the range is 60 min "
       "long",
       Gap::KIND_TOTAL_OUTAGE, Floor("10:30:00")},
      {"all of it is below the floor", kV2, "12:15:00", "10:00:00", "11:00:00",
       "lost: what was created before 11:30:00 is below the log's floor and could "
       "stand twice; spool: nothing is left for it; backfill: nothing is left for it; "
       "recovery: nothing is left for it; search: nothing is left for it; lookup: no "
       "ids are known to be missing",
       Gap::KIND_TOTAL_OUTAGE, Floor("11:30:00")},
      {"two and a half hours, goes on", kV2, "12:15:00", "09:45:00", "12:15:00",
       "recovery 09:45:00-10:45:00 by 09:44:00-10:45:30 at 12:15:00; recovery "
       "10:45:00-11:45:00 by 10:44:00-11:45:30 at 12:15:00; waits with "
       "11:45:00-12:15:00 until 12:46:30; not backfill: reaches back 5 min and the "
       "range is 2 h 30 min long",
       Gap::KIND_TOTAL_OUTAGE, Grows()},
      {"20 min, goes on", kV2, "12:15:00", "11:55:00", "12:15:00",
       "waits with 11:55:00-12:15:00 until 12:56:30; the range still grows: what is "
       "too young follows; not backfill: reaches back 5 min and the range is 20 min "
       "long",
       Gap::KIND_TOTAL_OUTAGE, Grows()},
      {"20 min, goes on, by hand", kV2, "12:15:00", "11:55:00", "12:15:00",
       "recovery 11:55:00-12:13:30 by 11:54:00-12:14:00 at 12:15:00; waits with "
       "12:13:30-12:15:00 until 13:15:00; not backfill: connectors ask for it only "
       "when they reconnect",
       Gap::KIND_TOTAL_OUTAGE, Both(Grows(), Hand())},
      {"30 h, goes on: the old part by search", kV2, "12:15:00", "11-20 06:00:00", "12:15:00",
       "recovery 11-20 12:30:33-11-20 13:30:33 by 11-20 12:30:33-11-20 13:31:03 at "
       "12:15:00; ... 31 steps; search 11-20 12:00:00-11-20 12:30:33 by 11-20 "
       "11:59:00-11-20 12:31:03 at 12:15:00; waits with 12:00:00-12:15:00 until "
       "13:01:30; not backfill: reaches back 5 min and the range is 30 h 15 min long",
       Gap::KIND_TOTAL_OUTAGE, Grows()},
      {"a connector is away with it", kV2, "12:15:00", "12:00:00", "12:10:00",
       "waits with 12:00:00-12:10:00 until 12:25:00; a connector that is away may "
       "still bring it until 12:25:00",
       Gap::KIND_TOTAL_OUTAGE, SpoolUntil("12:25:00")},
      {"a connector is away with it, and X forgets it", kV2, "12:15:00", "11-20 12:20:00",
       "11-20 12:50:00",
       "recovery 11-20 12:23:03-11-20 12:50:00 by 11-20 12:22:17-11-20 12:50:30 at "
       "12:15:00; lost 11-20 12:20:00-11-20 12:23:03; not spool: a connector that is "
       "away may still bring it until 12:25:00; X would have forgotten some of it by "
       "then; not backfill: reaches back 5 min and the range is 30 min long; not "
       "search: switched off in the configuration",
       Gap::KIND_TOTAL_OUTAGE, Both(SpoolUntil("12:25:00"), Off("search"))},
      {"a connector is away with it, by hand", kV2, "12:15:00", "12:00:00", "12:10:00",
       "recovery 12:00:00-12:10:00 by 11:59:00-12:10:30 at 12:15:00; not spool: a "
       "connector that is away may still bring it until 12:25:00; a job by hand does "
       "not wait for it; not backfill: connectors ask for it only when they reconnect, "
       "and recovery has it without that",
       Gap::KIND_TOTAL_OUTAGE, Both(Hand(), SpoolUntil("12:25:00"))},
      {"a connector is away with it, which is asked for", kV2, "12:15:00", "12:00:00", "12:10:00",
       "waits with 12:00:00-12:10:00 until 12:25:00; a connector that is away may "
       "still bring it until 12:25:00",
       Gap::KIND_TOTAL_OUTAGE, Both(Hand(kSpool), SpoolUntil("12:25:00"))},
      {"spool by hand, and no connector is away", kV2, "12:15:00", "12:00:00", "12:10:00",
       "refused: spool: no connector is away with what it received; would work: "
       "recovery, search",
       Gap::KIND_TOTAL_OUTAGE, Hand(kSpool)},
      {"backfill by hand, of what nobody was cut off from", kV2, "12:15:00", "12:10:00", "12:12:00",
       "refused: backfill: connectors ask for it only when they reconnect; a reconnect "
       "takes 60 s and reaches back 5 min, and the range began 5 min ago; would work: "
       "recovery, search",
       Gap::KIND_TOTAL_OUTAGE, Hand(kBackfill)},
      {"lost here, and X's recovery is not contracted: one reconnects", kV2, "12:15:00", "12:12:48",
       "12:14:00",
       "backfill 12:12:48-12:14:00 by 12:12:48-12:14:00 at 12:15:00; not recovery: "
       "switched off in the configuration",
       Gap::KIND_FORWARDING_LOSS, Both(Off("recovery"), MayReconnect())},
      {"the same, and no second connection would go on: one may be back in time", kV2, "12:15:00",
       "12:12:48", "12:14:00",
       "waits with 12:12:48-12:14:00 until 12:16:48; a reconnect would bring it, but no "
       "second connection receives that would go on while one reconnects; not backfill: "
       "a reconnect would bring it, but no second connection receives that would go on "
       "while one reconnects; not recovery: switched off in the configuration",
       Gap::KIND_FORWARDING_LOSS, Off("recovery")},
      {"the same, and two have reconnected just now", kV2, "12:15:00", "12:12:48", "12:14:00",
       "search 12:12:48-12:14:00 by 12:11:48-12:14:30 at 12:15:30; not backfill: "
       "connectors ask for it only when they reconnect; a reconnect could begin at "
       "12:25:00, takes 60 s and reaches back 5 min, and the range began 2 min 12 s "
       "ago; not recovery: switched off in the configuration",
       Gap::KIND_FORWARDING_LOSS,
       Both(Both(Off("recovery"), MayReconnect()), InUse(kBackfill, 0, {"12:10:00", "12:12:00"}))},
      {"the same, and one reconnects", kV2, "12:15:00", "12:12:48", "12:14:00",
       "backfill 12:12:48-12:14:00 by 12:12:48-12:14:00 at 12:15:00; not recovery: "
       "switched off in the configuration",
       Gap::KIND_FORWARDING_LOSS,
       Both(Both(Off("recovery"), MayReconnect()), InUse(kBackfill, 1, {"12:14:50"}))},
      {"lost here, too long ago for a reconnect", kV2, "12:15:00", "12:10:30", "12:14:00",
       "search 12:10:30-12:14:00 by 12:09:30-12:14:30 at 12:15:30; not backfill: "
       "connectors ask for it only when they reconnect; a reconnect takes 60 s and "
       "reaches back 5 min, and the range began 4 min 30 s ago; not recovery: switched "
       "off in the configuration",
       Gap::KIND_FORWARDING_LOSS, Both(Off("recovery"), MayReconnect())},
      {"what X threw away comes by no reconnect", kV2, "12:15:00", "12:12:48", "12:14:00",
       "search 12:12:48-12:14:00 by 12:11:48-12:14:30 at 12:15:30; not backfill: X "
       "threw its buffer away and does not send it again; not recovery: switched off in "
       "the configuration",
       Gap::KIND_BUFFER_DISCARDED, Both(Off("recovery"), MayReconnect())},
      {"a reconnect by hand, although recovery would have it", kV2, "12:15:00", "12:12:48",
       "12:14:00", "backfill 12:12:48-12:14:00 by 12:12:48-12:14:00 at 12:15:00",
       Gap::KIND_TOTAL_OUTAGE, Both(Hand(kBackfill), MayReconnect())},
      {"a reconnect by hand, for a pause", kV2, "12:15:00", "12:12:48", "12:14:00",
       "refused: backfill: connectors ask for it only when they reconnect; connectors "
       "do not buy back a pause; would work: recovery, search",
       Gap::KIND_TOTAL_OUTAGE,
       Both(Both(Hand(kBackfill), MayReconnect()),
            Request([](PlanRequest* request) { request->kind = Gap::KIND_PAUSED; }))},
      {"replay by hand, which v2 has not", kV2, "12:15:00", "12:00:00", "12:10:00",
       "refused: X has no replay for this stream; would work: recovery, search",
       Gap::KIND_TOTAL_OUTAGE, Hand(kReplay)},
      {"recovery by hand, too old", kV2, "12:15:00", "11-20 06:00:00", "11-20 07:00:00",
       "refused: recovery: reaches back 24 h and the range began 30 h 15 min ago; "
       "would work: search",
       Gap::KIND_TOTAL_OUTAGE, Hand(kRecovery)},
      {"by hand, of the future", kV2, "12:15:00", "12:00:00", "12:30:00",
       "refused: the range ends at 12:30:00, which is in the future: end it at "
       "12:15:00 or before",
       Gap::KIND_TOTAL_OUTAGE, Hand()},
      {"by hand, empty", kV2, "12:15:00", "12:10:00", "12:10:00",
       "refused: the range is empty: its end must be after its start", Gap::KIND_TOTAL_OUTAGE,
       Hand()},
      {"search by hand", kV2, "12:15:00", "12:00:00", "12:10:00",
       "search 12:00:00-12:10:00 by 11:59:00-12:10:30 at 12:15:00", Gap::KIND_TOTAL_OUTAGE,
       Hand(kSearch)},
      {"the sample, which has no recovery", "x-v2-sample", "12:15:00", "12:00:00", "12:10:00",
       "lost: spool: no connector is away with what it received; backfill: reaches "
       "back 5 min and the range is 10 min long; lookup: no ids are known to be "
       "missing"},
      {"the firehose, 30 h: no search is like it", "x-v2-firehose", "12:15:00", "11-20 06:00:00",
       "12:00:00",
       "recovery 11-20 12:30:33-11-20 13:30:33 by 11-20 12:30:33-11-20 13:31:03 at "
       "12:15:00; ... 24 steps; recovery 11:30:33-12:00:00 by 11:29:33-12:00:30 at "
       "12:45:00; lost 11-20 06:00:00-11-20 12:30:33; not backfill: reaches back 5 min "
       "and the range is 30 h long"},
      {"PowerTrack, 14 min: whole minutes", kGnip, "12:14:42", "12:00:10", "12:14:12",
       "recovery 12:00:10-12:14:12 by 11:59:00-12:15:00 at 12:16:00; not backfill: "
       "reaches back 5 min and the range is 14 min 2 s long"},
      {"PowerTrack, recovery failed: replay waits for 31 min", kGnip, "12:14:42", "12:00:10",
       "12:14:12",
       "replay 12:00:10-12:14:12 by 11:59:00-12:15:00 at 12:46:00; not backfill: "
       "reaches back 5 min and the range is 14 min 2 s long; not recovery: failed for "
       "this range before",
       Gap::KIND_TOTAL_OUTAGE, Spent({kRecovery})},
      {"PowerTrack, 7 h by replay: five requests per 5 min", kGnip, "12:15:00", "04:40:00",
       "11:40:00",
       "replay 04:40:00-05:40:00 by 04:39:00-05:41:00 at 12:15:00; ... 7 steps; replay "
       "10:40:00-11:40:00 by 10:39:00-11:41:00 at 12:20:00; not backfill: reaches back "
       "5 min and the range is 7 h long; not recovery: switched off in the "
       "configuration",
       Gap::KIND_TOTAL_OUTAGE, Off("recovery")},
      {"PowerTrack, 3 d ago", kGnip, "12:15:00", "11-18 06:00:00", "11-18 07:00:00",
       "replay 11-18 06:00:00-11-18 07:00:00 by 11-18 05:59:00-11-18 07:01:00 at "
       "12:15:00; not backfill: reaches back 5 min and the range is 60 min long; not "
       "recovery: reaches back 24 h and the range began 3 d 6 h ago"},
      {"PowerTrack, 6 d ago", kGnip, "12:15:00", "11-15 06:00:00", "11-15 07:00:00",
       "search 11-15 06:00:00-11-15 07:00:00 by 11-15 05:59:00-11-15 07:01:00 at "
       "12:15:00; not backfill: reaches back 5 min and the range is 60 min long; not "
       "recovery: reaches back 24 h and the range began 6 d 6 h ago; not replay: "
       "reaches back 5 d and the range began 6 d 6 h ago"},
      {"PowerTrack, 40 d ago", kGnip, "12:15:00", "10-12 06:00:00", "10-12 07:00:00",
       "lost: spool: no connector is away with what it received; backfill: reaches "
       "back 5 min and the range is 60 min long; recovery: reaches back 24 h and the "
       "range began 40 d 6 h ago; replay: reaches back 5 d and the range began 40 d 6 "
       "h ago; search: reaches back 30 d and the range began 40 d 6 h ago"},
      {"Gnip's likes, which are sent once", "gnip-sample10-likes", "12:15:00", "12:00:00",
       "12:10:00",
       "lost: spool: no connector is away with what it received; backfill: reaches "
       "back 5 min and the range is 10 min long"},
      {"Gnip's firehose, 6 h at 6,000 posts/s: recovery gives 1,000, replay follows",
       "gnip-firehose", "12:15:00", "11-20 18:00:00", "00:00:00",
       "recovery 11-20 18:28:00-11-20 19:28:00 by 11-20 18:28:00-11-20 19:29:00 at "
       "12:15:00; ... 7 steps; replay 11-20 23:28:00-00:00:00 by 11-20 "
       "23:27:00-00:01:00 at 12:15:00; not backfill: reaches back 5 min and the range "
       "is 6 h long",
       Gap::KIND_TOTAL_OUTAGE, Request([](PlanRequest* request) { request->usual_rate = 6000; })},
      {"Powerstream, 14 min", "powerstream", "12:15:00", "12:00:00", "12:14:00",
       "recovery 12:00:00-12:14:00 by 11:59:00-12:14:30 at 12:15:30; not backfill: "
       "reaches back 5 min and the range is 14 min long"},
      {"ended just before midnight: most of it today", kV2, "23:59:00", "23:00:00", "23:58:50",
       "recovery 23:00:00-23:58:00 by 22:59:00-23:58:30 at 23:59:30; recovery "
       "23:58:00-23:58:50 by 23:57:00-23:59:20 at 11-22 00:00:20; not backfill: "
       "reaches back 5 min and the range is 58 min 50 s long"},
      {"ended just before midnight, whatever day", kV2, "23:59:00", "23:00:00", "23:58:50",
       "recovery 23:00:00-23:58:50 by 22:59:00-23:59:20 at 11-22 00:00:20; not "
       "backfill: reaches back 5 min and the range is 58 min 50 s long",
       Gap::KIND_TOTAL_OUTAGE, Config([](RecoveryConfig* config) { config->set_same_day(false); })},
      {"goes on at midnight: what is there of today", kV2, "23:59:31", "23:20:00", "23:59:31",
       "recovery 23:20:00-23:58:00 by 23:19:00-23:58:30 at 23:59:31; waits with "
       "23:58:00-23:59:31 until 11-22 00:59:30; not backfill: reaches back 5 min and "
       "the range is 39 min 31 s long",
       Gap::KIND_TOTAL_OUTAGE, Grows()},
      {"goes on before midnight", kV2, "23:50:00", "23:20:00", "23:50:00",
       "waits with 23:20:00-23:50:00 until 23:59:30; the range still grows: what is "
       "too young follows; not backfill: reaches back 5 min and the range is 30 min "
       "long",
       Gap::KIND_TOTAL_OUTAGE, Grows()},
      {"spans midnight", kV2, "11-22 00:20:00", "23:45:00", "11-22 00:12:00",
       "recovery 11-21 23:45:00-00:12:00 by 11-21 23:44:00-00:12:30 at 00:20:00; not "
       "backfill: reaches back 5 min and the range is 27 min long"},
      {"margin of 5 s", kV2, "12:15:00", "12:00:00", "12:10:00",
       "recovery 12:00:00-12:10:00 by 11:59:55-12:10:05 at 12:15:00; not backfill: "
       "reaches back 5 min and the range is 10 min long",
       Gap::KIND_TOTAL_OUTAGE,
       Request([](PlanRequest* request) { request->margin = absl::Seconds(5); })},
      {"ends between two seconds", kV2, "12:15:00", "12:00:00.700", "12:10:00.300",
       "recovery 12:00:00-12:10:00 by 11:59:00-12:10:31 at 12:15:00; not backfill: "
       "reaches back 5 min and the range is 9 min 59 s long"},
      {"recovery is off", kV2, "12:15:00", "12:00:00", "12:10:00",
       "search 12:00:00-12:10:00 by 11:59:00-12:10:30 at 12:15:00; not backfill: "
       "reaches back 5 min and the range is 10 min long; not recovery: switched off in "
       "the configuration",
       Gap::KIND_TOTAL_OUTAGE, Off("recovery")},
  };
  return outages;
}

RecoveryPlan PlanOf(const Outage& outage) {
  RecoveryConfig config = ConfigOf(outage.dialect);
  PlanFacts facts;
  facts.now = At(outage.now);
  PlanRequest request;
  request.from = At(outage.from);
  request.until = At(outage.until);
  request.kind = outage.kind;
  if (outage.also) outage.also(&request, &facts, &config);
  return PlanRecovery(PolicyOrDie(config), facts, request);
}

class OutageTest : public testing::TestWithParam<size_t> {};

TEST_P(OutageTest, GetsItsPlan) {
  const Outage& outage = Outages()[GetParam()];
  SCOPED_TRACE(outage.name);
  EXPECT_EQ(PlanLine(PlanOf(outage), At(outage.now)), outage.plan);
}

INSTANTIATE_TEST_SUITE_P(Table, OutageTest, testing::Range<size_t>(0, Outages().size()));

const RecoveryJob::Choice& ChoiceOf(const RecoveryPlan& plan, RecoveryMethod method) {
  static const RecoveryJob::Choice& none = *new RecoveryJob::Choice;
  for (const RecoveryJob::Choice& choice : plan.choices) {
    if (choice.method() == method) return choice;
  }
  ADD_FAILURE() << "no such choice";
  return none;
}

Outage Short(Also also = nullptr) {
  return {"", kV2, "12:14:12", "12:00:00", "12:14:00", "", Gap::KIND_TOTAL_OUTAGE, also};
}

TEST(PlannerTest, SaysWhyItsRouteStartsThen) {
  const RecoveryPlan young = PlanOf(Short());
  EXPECT_TRUE(ChoiceOf(young, kRecovery).chosen());
  EXPECT_EQ(ChoiceOf(young, kRecovery).reason(),
            "the range ended 12 s ago, is padded by 30 s and X needs 60 s: starts at 2026-11-21 "
            "12:15:30 UTC");
  EXPECT_EQ(ChoiceOf(young, kSearch).reason(), "not needed");

  Outage outage = Short(InUse(kRecovery, 2, {}));
  outage.now = "13:00:00";
  EXPECT_EQ(ChoiceOf(PlanOf(outage), kRecovery).reason(), "starts at once, behind the 2 that run");

  outage.also = Facts([](PlanFacts* facts) { facts->not_before = At("13:05:00"); });
  EXPECT_EQ(ChoiceOf(PlanOf(outage), kRecovery).reason(),
            "X refused and is left alone until then: starts at 2026-11-21 13:05:00 UTC");

  outage.also = Both(InUse(kRecovery, 0, {"12:50:00"}), Config([](RecoveryConfig* config) {
                       config->add_routes()->set_method("recovery");
                       config->mutable_routes(0)->set_requests(1);
                     }));
  EXPECT_EQ(ChoiceOf(PlanOf(outage), kRecovery).reason(),
            "X takes 1 request per 15 min, which are used up: starts at 2026-11-21 13:05:00 UTC");
}

TEST(PlannerTest, SaysWhatWaitsForWhat) {
  const RecoveryPlan plan = PlanOf(Short(SpoolUntil("12:25:00")));
  ASSERT_EQ(plan.outcome, Outcome::kWait);
  EXPECT_EQ(plan.wait_until, At("12:25:00"));
  EXPECT_TRUE(ChoiceOf(plan, kSpool).chosen());
  EXPECT_FALSE(ChoiceOf(plan, kRecovery).chosen());
  EXPECT_EQ(ChoiceOf(plan, kRecovery).reason(),
            "not yet: a connector that is away may still bring it until 2026-11-21 12:25:00 UTC");
}

TEST(PlannerTest, SaysWhatAStepCostsAndUntilWhenItCanBeHad) {
  const RecoveryPlan plan = PlanOf(Short(Request([](PlanRequest* request) {
    request->usual_rate = 100;
    request->spent = {kRecovery};
  })));
  ASSERT_EQ(plan.steps.size(), 1u);
  const RecoveryJob::Step& step = plan.steps[0];
  EXPECT_EQ(step.number(), 1u);
  EXPECT_EQ(step.state(), RecoveryJob::STATE_PLANNED);
  EXPECT_EQ(ToTime(step.deadline()), At("11-28 12:00:00"));
  // 15 min 30 s of 100 posts/s, by 100; 450 pages per quarter of an hour.
  EXPECT_EQ(step.estimated_posts(), 93'000u);
  EXPECT_EQ(step.requests(), 930u);
  EXPECT_EQ(ToDuration(step.estimated_duration()), absl::Minutes(30));
  EXPECT_EQ(plan.estimated_end, At("12:45:30"));
  EXPECT_EQ(plan.reason, "1 step, done at about 2026-11-21 12:45:30 UTC");
}

TEST(PlannerTest, SaysWhatMayBeMissingAfterAll) {
  EXPECT_EQ(PlanOf(Short()).residual_risk, "posts deleted since do not come");
  EXPECT_THAT(PlanOf(Short(Spent({kRecovery}))).residual_risk,
              HasSubstr("search has no sample:, bio:, bio_name: and bio_location:"));
  EXPECT_THAT(PlanOf(Short(Floor("12:05:00"))).residual_risk,
              HasSubstr("lost: 2026-11-21 12:00:00 UTC to 2026-11-21 12:05:00 UTC"));
  Outage replay = Short(Spent({kRecovery}));
  replay.dialect = kGnip;
  EXPECT_THAT(PlanOf(replay).residual_risk, HasSubstr("replay has a rule set of its own"));
}

// A gap that grows is known a little further than the clock of who asks.
TEST(PlannerTest, WhatGrowsEndsNowAtTheLatest) {
  for (bool by_hand : {false, true}) {
    Outage outage = Short(Both(Grows(), Request([=](PlanRequest* request) {
                                 request->by_hand = by_hand;
                                 request->from = At("10:00:00");
                                 request->until = absl::InfiniteFuture();
                               })));
    const RecoveryPlan plan = PlanOf(outage);
    ASSERT_EQ(plan.outcome, Outcome::kSteps) << plan.reason;
    ASSERT_EQ(plan.waiting.size(), 1u);
    EXPECT_EQ(plan.waiting[0].second, At(outage.now));
  }
}

TEST(PlannerTest, AStepEndsBeforeItsExpiryAlsoWhenOthersRunFirst) {
  // Two slots, each taken for a quarter of an hour by what runs.
  Outage outage = Short(InUse(kRecovery, 2, {}));
  outage.from = "11-20 12:20:00";
  outage.until = "11-20 12:50:00";
  const RecoveryPlan plan = PlanOf(outage);
  ASSERT_FALSE(plan.steps.empty());
  for (const RecoveryJob::Step& step : plan.steps) {
    if (step.method() == kRecovery) {
      EXPECT_GE(ToTime(step.range().start_time()), At("11-20 12:37:00"));
    }
  }
}

PlanRequest RequestOf(const std::string& from, const std::string& until) {
  PlanRequest request;
  request.from = At(from);
  request.until = At(until);
  request.kind = Gap::KIND_TOTAL_OUTAGE;
  return request;
}

TEST(MergeNeighboursTest, RangesWhosePaddingTouchesBecomeOne) {
  const RecoveryPolicy policy = PolicyOrDie(ConfigOf(kV2));
  // 90 s of padding lie between two.
  const auto merged = MergeNeighbours(
      policy, {RequestOf("12:05:00", "12:06:00"), RequestOf("12:00:00", "12:03:30"),
               RequestOf("12:07:31", "12:08:00"), RequestOf("12:01:00", "12:02:00")});
  ASSERT_EQ(merged.size(), 2u);
  EXPECT_EQ(merged[0].from, At("12:00:00"));
  EXPECT_EQ(merged[0].until, At("12:06:00"));
  EXPECT_EQ(merged[1].from, At("12:07:31"));
}

TEST(MergeNeighboursTest, KeepsWhatIsKnownOfEach) {
  PlanRequest one = RequestOf("12:00:00", "12:03:00"), other = RequestOf("12:03:00", "12:04:00");
  one.post_ids = {1};
  one.usual_rate = 3;
  other.post_ids = {2};
  other.growing = true;
  other.spool_until = At("12:20:00");
  const auto merged = MergeNeighbours(PolicyOrDie(ConfigOf(kV2)), {other, one});
  ASSERT_EQ(merged.size(), 1u);
  EXPECT_THAT(merged[0].post_ids, testing::ElementsAre(1, 2));
  EXPECT_EQ(merged[0].usual_rate, 3);
  EXPECT_TRUE(merged[0].growing);
  EXPECT_EQ(merged[0].spool_until, At("12:20:00"));
}

TEST(MergeNeighboursTest, UnlikeOnesStayApartTheOldestFirst) {
  std::vector<PlanRequest> requests(5, RequestOf("12:00:00", "12:03:00"));
  requests[1].kind = Gap::KIND_BUFFER_DISCARDED;
  requests[2].spent = {kRecovery};
  requests[3].by_hand = true;
  requests[4] = RequestOf("11:00:00", "11:10:00");
  const auto merged = MergeNeighbours(PolicyOrDie(ConfigOf(kV2)), requests);
  ASSERT_EQ(merged.size(), 5u);
  EXPECT_EQ(merged[0].from, At("11:00:00"));
}

}  // namespace
}  // namespace braid
