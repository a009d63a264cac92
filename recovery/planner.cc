#include "recovery/planner.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/interval_set.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "recovery/passive_routes.h"
#include "recovery/plan_fetch.h"
#include "recovery/plan_quota.h"
#include "recovery/plan_span.h"
#include "recovery/plan_text.h"
#include "recovery/reconnect_route.h"

namespace braid {
namespace {

using v1::Gap;
using v1::RecoveryJob;
using Outcome = RecoveryPlan::Outcome;
using Step = RecoveryJob::Step;

// One request's plan, route by route. Every instant of the range is, at any
// time, in exactly one of open_, lost_, waiting_ and the steps.
class PlanMaker {
 public:
  PlanMaker(const RecoveryPolicy& policy, const PlanFacts& facts, const PlanRequest& request)
      : policy_(policy),
        facts_(facts),
        request_(request),
        // What a gap is expected to miss of the future is missed by nobody yet.
        until_(request.by_hand && !request.growing ? request.until
                                                   : std::min(request.until, facts.now)),
        fetches_(policy, facts, request),
        quota_(policy, facts, request.by_hand),
        step_max_(request.by_hand ? policy.step_max : quota_.StepMax(request.usual_rate, Beyond())),
        reasons_(policy.routes.size()) {}

  RecoveryPlan Make() {
    const std::string nothing = WhyNothing();
    if (!nothing.empty()) return Without(Outcome::kNothing, nothing);
    const std::string refusal = WhyRefused();
    if (!refusal.empty()) return Without(Outcome::kRefused, refusal);
    OpenRange();
    if (open_.empty() && lost_.empty()) {
      return Without(Outcome::kNothing, "all of it is being fetched, or is planned, already");
    }
    WaitForWhatComesByItself();
    HoldYoungPart();
    for (size_t place = 0; place < policy_.routes.size(); ++place) TryRoute(place);
    lost_.Add(open_);
    return Finish();
  }

 private:
  // --- what is wanted ---

  // Of a step, beside its range.
  absl::Duration Beyond() const {
    absl::Duration beyond = fetches_.pad_before() + fetches_.pad_after();
    absl::Duration coarsest;
    for (const RouteLimits& route : policy_.routes) {
      if (!IsPassive(route.method)) coarsest = std::max(coarsest, route.granularity);
    }
    return beyond + 2 * coarsest;
  }

  std::string WhyNothing() const {
    if (request_.by_hand) return "";
    if (request_.kind == Gap::KIND_PAUSED) return "paused on purpose: fetched only by hand";
    if (request_.kind == Gap::KIND_VOLUME_DROP) {
      return "only suspected: nothing says that posts are missing; fetched only by hand";
    }
    if (!policy_.automatic) return "recovery.automatic is false: fetched only by hand";
    if (request_.from >= until_) return "nothing is missing yet";
    return "";
  }

  std::string WhyRefused() const {
    if (!request_.by_hand) return "";
    if (until_ > facts_.now) {
      return absl::StrCat("the range ends at ", ClockText(until_),
                          ", which is in the future: end it at ", ClockText(facts_.now),
                          " or before");
    }
    if (request_.from >= until_) return "the range is empty: its end must be after its start";
    if (IsAsked() && FindRoute(policy_, request_.method) == nullptr) {
      return absl::StrCat("X has no ", MethodWord(request_.method), " for this stream");
    }
    return "";
  }

  void OpenRange() {
    open_.Add(ToInterval({request_.from, until_}));
    if (!IsOfIds()) {
      for (const auto& [from, until] : facts_.under_way) open_.Subtract(ToInterval({from, until}));
    }
    if (facts_.floor <= request_.from) return;
    const Interval below = ToInterval({request_.from, std::min(facts_.floor, until_)});
    for (const Interval& part : open_.Within(below)) lost_.Add(part);
    open_.Subtract(below);
  }

  bool IsAsked() const { return request_.method != RecoveryJob::METHOD_UNSPECIFIED; }

  // Asked for by ids, not by range: one step, whatever else is fetched.
  bool IsOfIds() const {
    return request_.by_hand && request_.method == RecoveryJob::METHOD_LOOKUP &&
           !request_.post_ids.empty();
  }

  // "": may be tried.
  std::string WhyUnusable(const RouteLimits& route) const {
    if (IsAsked() && request_.method != route.method) return "not asked for";
    if (route.off) return "switched off in the configuration";
    if (std::count(request_.spent.begin(), request_.spent.end(), route.method) > 0) {
      return "failed for this range before";
    }
    if (route.method == RecoveryJob::METHOD_LOOKUP && request_.post_ids.empty()) {
      return "no ids are known to be missing";
    }
    return "";
  }

  // "": something is left for a route.
  std::string WhyNotNeeded() const {
    if (!open_.empty()) return "";
    if (!steps_.empty()) return "not needed";
    return wait_reason_.empty() ? "nothing is left for it"
                                : absl::StrCat("not yet: ", wait_reason_);
  }

  // --- what comes without being asked for ---

  void WaitForWhatComesByItself() {
    for (size_t place = 0; place < policy_.routes.size(); ++place) {
      const RouteLimits& route = policy_.routes[place];
      if (!IsPassive(route.method)) continue;
      reasons_[place] = WhyUnusable(route);
      if (reasons_[place].empty()) reasons_[place] = WhyNotNeeded();
      if (!reasons_[place].empty()) continue;
      PassiveRoute passive = Judge(route);
      if (route.method == RecoveryJob::METHOD_BACKFILL && passive.until <= facts_.now) {
        reasons_[place] = TryReconnect(route, passive.reason);
        continue;
      }
      const absl::Time until = std::min(passive.until, LastMoment());
      if (passive.until > facts_.now && until <= facts_.now) {
        absl::StrAppend(&passive.reason, "; X would have forgotten some of it by then");
      } else if (passive.until > facts_.now && request_.by_hand && !IsAsked()) {
        absl::StrAppend(&passive.reason, "; a job by hand does not wait for it");
      } else if (until > facts_.now) {
        Hold({request_.from, until_}, until, passive.reason);
        chosen_.insert(route.method);
      }
      reasons_[place] = std::move(passive.reason);
    }
  }

  PassiveRoute Judge(const RouteLimits& route) const {
    return route.method == RecoveryJob::METHOD_SPOOL ? JudgeSpool(facts_, request_)
                                                     : JudgeBackfill(route, facts_, request_);
  }

  // Why a connection is asked to reconnect for it, or why none is. `passive`: why
  // it does not come without.
  std::string TryReconnect(const RouteLimits& route, const std::string& passive) {
    const bool was_had = request_.kind == Gap::KIND_TOTAL_OUTAGE && !request_.by_hand;
    if (request_.growing || was_had || request_.kind == Gap::KIND_BUFFER_DISCARDED) return passive;
    const RouteLimits* recovery = FindRoute(policy_, RecoveryJob::METHOD_RECOVERY);
    if (!IsAsked() && recovery != nullptr && WhyUnusable(*recovery).empty()) {
      return absl::StrCat(passive, ", and recovery has it without that");
    }
    if (open_.Intervals().size() > 1) {
      return absl::StrCat(passive, "; a part of it is being fetched, and a reconnect is for all");
    }
    PlanFetch fetch;
    fetch.wanted = fetch.asked = ToSpan(open_.Intervals().front());
    fetch.earliest = std::max(facts_.now, fetches_.NotBefore(route));
    fetch.posts = static_cast<uint64_t>(
        request_.usual_rate * absl::ToDoubleSeconds(fetch.wanted.until - fetch.wanted.from));
    PlanSchedule schedule = fetches_.ScheduleOf(route);
    fetch.turn = schedule.Next(fetch.earliest, fetch.requests, kReconnectTime);
    std::string problem = WhyNoReconnect(route, facts_, request_, fetch.turn.estimated_start);
    if (problem.empty() && !facts_.may_reconnect) {
      problem = "no second connection receives that would go on while one reconnects";
      const absl::Time until = std::min(ReconnectUntil(route, request_), LastMoment());
      // One may be back before X has forgotten it.
      if (!request_.by_hand && until > facts_.now) {
        Hold(fetch.wanted, until, absl::StrCat("a reconnect would bring it, but ", problem));
        return wait_reason_;
      }
    }
    if (problem.empty()) problem = quota_.Check(steps_.size() + 1, posts_ + fetch.posts).text;
    if (!problem.empty()) return absl::StrCat(passive, "; ", problem);
    chosen_.insert(route.method);
    AddStep(route, fetch);
    return "one of the connections that receive is asked to reconnect for it";
  }

  // Until when some route that is asked of X can still have all that is open.
  // Where none can have any of it, waiting costs nothing.
  absl::Time LastMoment() const {
    const absl::Time oldest = ToSpan(open_.Intervals().front()).from;
    const absl::Time newest = ToSpan(open_.Intervals().back()).until;
    absl::Time last = absl::InfinitePast();
    bool has_some = false;
    for (const RouteLimits& route : policy_.routes) {
      if (IsPassive(route.method) || !WhyUnusable(route).empty()) continue;
      last = std::max(
          last, oldest + route.window - kPlanInTime - fetches_.Took(route, step_max_ + Beyond()));
      has_some = has_some || newest + route.window > facts_.now;
    }
    return has_some ? last : absl::InfiniteFuture();
  }

  // --- what still grows ---

  // Full steps are fetched of it, or what is there of the day that ends; the rest
  // is for a later plan.
  void HoldYoungPart() {
    if (!request_.growing || open_.empty()) return;
    const PlanSpan last = ToSpan(open_.Intervals().back());
    const RouteLimits* route = FirstUsable();
    if (last.until < until_ || route == nullptr) return;
    const absl::Time of_today = fetches_.EndOfToday(*route);
    const absl::Time old_enough = std::max(last.from, fetches_.OldEnough(*route));
    const absl::Duration full = std::min(step_max_, route->window / 4);
    absl::Time held = last.from + absl::Floor(old_enough - last.from, full);
    if (of_today > held && of_today <= old_enough) held = of_today;
    if (request_.by_hand) held = old_enough;
    absl::Time next = held + full;
    if (of_today > held) next = std::min(next, of_today);
    Hold({held, last.until}, fetches_.WhenOldEnough(*route, next),
         "the range still grows: what is too young follows");
  }

  const RouteLimits* FirstUsable() const {
    for (const RouteLimits& route : policy_.routes) {
      if (!IsPassive(route.method) && WhyUnusable(route).empty()) return &route;
    }
    return nullptr;
  }

  // --- routes that are asked of X ---

  void TryRoute(size_t place) {
    const RouteLimits& route = policy_.routes[place];
    std::string& reason = reasons_[place];
    if (IsPassive(route.method)) return;
    reason = WhyUnusable(route);
    if (reason.empty()) reason = WhyNotNeeded();
    if (!reason.empty()) return;
    PlanSchedule schedule = fetches_.ScheduleOf(route);
    std::string problem;
    for (const PlanSpan& part : PartsFor(route)) PlanPart(route, part, &schedule, &problem);
    if (chosen_.count(route.method) == 0) {
      reason = problem.empty() ? "no ids of what is left are known" : problem;
      return;
    }
    reason = start_reason_;
    if (!problem.empty()) absl::StrAppend(&reason, "; not all of it: ", problem);
  }

  std::vector<PlanSpan> PartsFor(const RouteLimits& route) const {
    IntervalSet parts = open_;
    if (!IsOfIds() && route.method == RecoveryJob::METHOD_LOOKUP) {
      // The seconds that hold the ids: nothing is learned of those between.
      parts = IntervalSet();
      for (uint64_t id : request_.post_ids) {
        const absl::Time second = RoundDown(SnowflakeTime(id), route.granularity);
        const Interval around = ToInterval({second, second + route.granularity});
        for (const Interval& part : open_.Within(around)) parts.Add(part);
      }
    }
    std::vector<PlanSpan> spans;
    for (const Interval& part : parts.Intervals()) spans.push_back(ToSpan(part));
    return spans;
  }

  void PlanPart(const RouteLimits& route, PlanSpan part, PlanSchedule* schedule,
                std::string* problem) {
    while (part.from < part.until) {
      const absl::Time cut = NextCut(route, part);
      const PlanFetch fetch = fetches_.Of(route, {part.from, cut}, *schedule);
      const absl::Time reach = fetches_.Reach(route, fetch.turn.estimated_end);
      const PlanQuota::Problem quota = quota_.Check(steps_.size() + 1, posts_ + fetch.posts);
      if (part.from < reach) {
        *problem = WhyOutOfReach(route, part.from, fetch.turn);
        part.from = reach;
      } else if (!quota.text.empty()) {
        quota_problem_ = *problem = quota.text;
        Hold(part, quota.until, quota.text);
        return;
      } else {
        if (chosen_.insert(route.method).second) start_reason_ = WhyThen(route, fetch);
        AddStep(route, fetch);
        schedule->Take(fetch.earliest, fetch.requests, fetch.turn);
        part.from = cut;
      }
    }
  }

  // What can still be asked for today is not asked for together with what is
  // asked for tomorrow.
  absl::Time NextCut(const RouteLimits& route, const PlanSpan& part) const {
    if (IsOfIds()) return part.until;
    const absl::Time cut = std::min(part.until, part.from + step_max_);
    const absl::Time of_today = fetches_.EndOfToday(route);
    return part.from < of_today ? std::min(cut, of_today) : cut;
  }

  void AddStep(const RouteLimits& route, const PlanFetch& fetch) {
    Step step;
    step.set_method(route.method);
    step.set_state(RecoveryJob::STATE_PLANNED);
    SetTime(fetch.wanted.from, step.mutable_range()->mutable_start_time());
    SetTime(fetch.wanted.until, step.mutable_range()->mutable_end_time());
    SetTime(fetch.asked.from, step.mutable_fetch_range()->mutable_start_time());
    SetTime(fetch.asked.until, step.mutable_fetch_range()->mutable_end_time());
    SetTime(fetch.turn.earliest_start, step.mutable_earliest_start_time());
    SetTime(fetch.wanted.from + route.window, step.mutable_deadline());
    SetDuration(fetch.turn.estimated_end - fetch.turn.estimated_start,
                step.mutable_estimated_duration());
    step.set_estimated_posts(fetch.posts);
    // More than that X answers in no window.
    step.set_requests(static_cast<uint32_t>(std::min<uint64_t>(fetch.requests, 1u << 31)));
    steps_.push_back(std::move(step));
    open_.Subtract(ToInterval(fetch.wanted));
    posts_ += fetch.posts;
    estimated_end_ = std::max(estimated_end_, fetch.turn.estimated_end);
  }

  // --- what is said ---

  std::string WhyOutOfReach(const RouteLimits& route, absl::Time from,
                            const PlanSchedule::Turn& turn) const {
    if (facts_.now - from >= route.window) {
      return absl::StrCat("reaches back ", SpanText(route.window), " and the range began ",
                          SpanText(facts_.now - from), " ago");
    }
    if (turn.estimated_end - from <= route.window) return WhyBelowFloor();
    return absl::StrCat("would end at ", ClockText(turn.estimated_end),
                        " and X forgets the range from ", ClockText(from + route.window), " on");
  }

  std::string WhyBelowFloor() const {
    return absl::StrCat("what was created before ", ClockText(facts_.floor),
                        " is below the log's floor and could stand twice");
  }

  // Why the route's first step starts when it does.
  std::string WhyThen(const RouteLimits& route, const PlanFetch& fetch) const {
    std::string text;
    const absl::Time start = fetch.turn.earliest_start;
    if (start > fetch.earliest) {
      text =
          absl::StrCat("X takes ", route.requests, route.requests == 1 ? " request" : " requests",
                       " per ", SpanText(route.request_window), ", which are used up: ");
    } else if (start > facts_.now && start == fetches_.NotBefore(route)) {
      text = "X refused and is left alone until then: ";
    } else if (start > facts_.now) {
      const absl::Duration beyond = fetch.asked.until - fetch.wanted.until;
      text = absl::StrCat(fetch.wanted.until == until_ ? "the range" : "the first step's range",
                          " ended ", SpanText(facts_.now - fetch.wanted.until), " ago",
                          beyond > absl::ZeroDuration() ? ", is padded by " : "",
                          beyond > absl::ZeroDuration() ? SpanText(beyond) : "", " and X needs ",
                          SpanText(route.min_age), ": ");
    }
    absl::StrAppend(&text, start > facts_.now ? "starts at " : "starts at once",
                    start > facts_.now ? ClockText(start) : "");
    if (fetch.turn.estimated_start > start) {
      absl::StrAppend(&text, ", behind the ", route.jobs, " that run");
    }
    return text;
  }

  std::string ResidualRisk() const {
    std::vector<std::string> risks;
    if (!lost_.empty()) {
      risks.push_back(absl::StrCat(IsAsked() ? "not fetched: " : "lost: ", LostText()));
    }
    if (chosen_.count(RecoveryJob::METHOD_REPLAY) > 0) {
      risks.push_back("replay has a rule set of its own: what that lacks does not come");
    }
    if (chosen_.count(RecoveryJob::METHOD_SEARCH) > 0 && policy_.search_misses_operators) {
      risks.push_back(
          "search has no sample:, bio:, bio_name: and bio_location: and reads accents otherwise: "
          "posts of rules that use these may be missing");
    }
    if (chosen_.count(RecoveryJob::METHOD_LOOKUP) > 0) {
      risks.push_back("lookup brings the posts whose ids are known and no others");
    }
    const auto reconnects = [](const Step& step) {
      return step.method() == RecoveryJob::METHOD_BACKFILL;
    };
    if (std::any_of(steps_.begin(), steps_.end(), reconnects)) {
      risks.push_back("X does not say whether it sent all of the backfill");
    }
    if (!steps_.empty()) risks.push_back("posts deleted since do not come");
    return absl::StrJoin(risks, "; ");
  }

  std::string LostText() const {
    std::vector<std::string> texts;
    for (const Interval& part : lost_.Intervals()) {
      // A sentence, not a list.
      if (texts.size() == 3) return absl::StrCat(absl::StrJoin(texts, ", "), " and more");
      const PlanSpan span = ToSpan(part);
      texts.push_back(absl::StrCat(ClockText(span.from), " to ", ClockText(span.until)));
    }
    return absl::StrJoin(texts, ", ");
  }

  // Every route that could have been meant, with its reason.
  std::string AllReasons() const {
    std::vector<std::string> texts;
    if (facts_.floor > request_.from) texts.push_back(WhyBelowFloor());
    for (size_t place = 0; place < policy_.routes.size(); ++place) {
      const RouteLimits& route = policy_.routes[place];
      if (reasons_[place].empty() || (IsAsked() && route.method != request_.method)) continue;
      texts.push_back(absl::StrCat(MethodWord(route.method), ": ", reasons_[place]));
    }
    return absl::StrJoin(texts, "; ");
  }

  // --- the end ---

  // For a later plan; not before `until`.
  void Hold(const PlanSpan& span, absl::Time until, const std::string& reason) {
    const std::vector<Interval> parts = open_.Within(ToInterval(span));
    for (const Interval& part : parts) waiting_.Add(part);
    for (const Interval& part : parts) open_.Subtract(part);
    if (parts.empty() || until >= wait_until_) return;
    wait_until_ = until;
    wait_reason_ = reason;
  }

  static RecoveryPlan Without(Outcome outcome, std::string reason) {
    RecoveryPlan plan;
    plan.outcome = outcome;
    plan.reason = std::move(reason);
    return plan;
  }

  RecoveryPlan Finish() {
    if (request_.by_hand && !quota_problem_.empty()) {
      return Without(Outcome::kRefused, absl::StrCat("the range ", quota_problem_,
                                                     ": ask for a shorter one, or raise that"));
    }
    RecoveryPlan plan;
    SetOutcome(&plan);
    for (size_t place = 0; place < policy_.routes.size(); ++place) {
      RecoveryJob::Choice choice;
      choice.set_method(policy_.routes[place].method);
      choice.set_chosen(chosen_.count(choice.method()) > 0);
      choice.set_reason(reasons_[place]);
      plan.choices.push_back(std::move(choice));
    }
    plan.residual_risk = ResidualRisk();
    plan.estimated_end = estimated_end_;
    plan.lost = Pairs(lost_);
    plan.waiting = Pairs(waiting_);
    if (!waiting_.empty()) plan.wait_until = std::max(wait_until_, facts_.now + absl::Seconds(1));
    plan.steps = InOrder(std::move(steps_));
    return plan;
  }

  void SetOutcome(RecoveryPlan* plan) const {
    if (!steps_.empty()) {
      plan->outcome = Outcome::kSteps;
      plan->reason = absl::StrCat(steps_.size(), steps_.size() == 1 ? " step" : " steps",
                                  ", done at about ", ClockText(estimated_end_));
    } else if (!waiting_.empty()) {
      plan->outcome = Outcome::kWait;
      plan->reason = wait_reason_;
    } else {
      plan->outcome = request_.by_hand ? Outcome::kRefused : Outcome::kLost;
      plan->reason = AllReasons();
    }
  }

  static std::vector<Step> InOrder(std::vector<Step> steps) {
    std::stable_sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) {
      const absl::Time a_deadline = ToTime(a.deadline()), b_deadline = ToTime(b.deadline());
      if (a_deadline != b_deadline) return a_deadline < b_deadline;
      return ToTime(a.range().end_time()) > ToTime(b.range().end_time());
    });
    uint32_t number = 0;
    for (Step& step : steps) step.set_number(++number);
    return steps;
  }

  static std::vector<std::pair<absl::Time, absl::Time>> Pairs(const IntervalSet& set) {
    std::vector<std::pair<absl::Time, absl::Time>> pairs;
    for (const Interval& part : set.Intervals()) {
      const PlanSpan span = ToSpan(part);
      pairs.emplace_back(span.from, span.until);
    }
    return pairs;
  }

  const RecoveryPolicy& policy_;
  const PlanFacts& facts_;
  const PlanRequest& request_;
  const absl::Time until_;
  const PlanFetches fetches_;
  const PlanQuota quota_;
  const absl::Duration step_max_;

  IntervalSet open_;
  IntervalSet lost_;
  IntervalSet waiting_;
  std::vector<Step> steps_;
  // Of the steps.
  uint64_t posts_ = 0;
  absl::Time estimated_end_ = absl::InfinitePast();
  std::set<RecoveryMethod> chosen_;
  // By place in policy_.routes.
  std::vector<std::string> reasons_;
  std::string start_reason_;
  absl::Time wait_until_ = absl::InfiniteFuture();
  std::string wait_reason_;
  std::string quota_problem_;
};

// The routes by which a job by hand would have steps, were they asked for.
std::vector<std::string> RoutesThatWork(const RecoveryPolicy& policy, const PlanFacts& facts,
                                        PlanRequest request) {
  std::vector<std::string> words;
  const RecoveryMethod refused = request.method;
  for (const RouteLimits& route : policy.routes) {
    request.method = route.method;
    if (route.method == refused) continue;
    const RecoveryPlan plan = PlanMaker(policy, facts, request).Make();
    if (plan.outcome == Outcome::kSteps) words.push_back(MethodWord(route.method));
  }
  return words;
}

}  // namespace

RecoveryPlan PlanRecovery(const RecoveryPolicy& policy, const PlanFacts& facts,
                          const PlanRequest& request) {
  RecoveryPlan plan = PlanMaker(policy, facts, request).Make();
  const bool asked = request.method != RecoveryJob::METHOD_UNSPECIFIED;
  if (plan.outcome != Outcome::kRefused || !asked) return plan;
  const std::vector<std::string> words = RoutesThatWork(policy, facts, request);
  absl::StrAppend(&plan.reason, words.empty() ? "; no other route would work" : "; would work: ",
                  absl::StrJoin(words, ", "));
  return plan;
}

}  // namespace braid
