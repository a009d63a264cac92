#include "tests/sim/recovery_x.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/owner.h"
#include "base/utc_text.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "proto/time_range.h"
#include "proto/window_key.h"
#include "tests/dedupe/core_inputs.h"

namespace braid {
namespace {

using Stop = FetchEvidence::Stop;

constexpr int kChunks = 8;
constexpr absl::Duration kLatency = absl::Milliseconds(300);
// As PastFetch's.
constexpr absl::Duration kSilence = absl::Seconds(25);
// Clocks of dedupers, and when a request arrives.
constexpr absl::Duration kTolerance = absl::Seconds(5);
constexpr absl::Duration kMinute = absl::Minutes(1);

std::string RangeText(const v1::RecoveryStep& step) {
  const v1::TimeRange& range = step.step().fetch_range();
  return absl::StrCat(MethodWord(step.step().method()), " of partition ", step.partition(), " ",
                      UtcText(ToTime(range.start_time())), " to ",
                      UtcText(ToTime(range.end_time())));
}

bool Overlap(const v1::TimeRange& a, const v1::TimeRange& b) {
  Interval left = IntervalOf(a), right = IntervalOf(b);
  return left.from < right.until && right.from < left.until;
}

}  // namespace

// One request, from its arrival to its end. How it will go is drawn when it
// begins.
class RecoveryX::Asked final : public Fetch {
 public:
  Asked(RecoveryX* x, int recoverer, v1::RecoveryStep step, RecordSink* sink, Done done)
      : x_(*x),
        recoverer_(recoverer),
        step_(std::move(step)),
        sink_(*sink),
        done_(std::move(done)),
        witnesses_(step_.witness_post_ids().begin(), step_.witness_post_ids().end()) {
    evidence_.asked = IntervalOf(step_.step().fetch_range());
    evidence_.has_final_record = x_.options_.has_final_record;
    start_ = evidence_.last_request_time = x_.world_.WallNow();
  }
  ~Asked() override {
    if (is_running_) x_.Leave(this, false);
  }

  // Behind the constructor: X may refuse.
  void Begin() {
    is_running_ = true;
    refusal_ = x_.Refuse(*this);
    if (refusal_) return Later(kLatency, [this] { EndRefused(); });
    if (x_.Chance(4)) return Later(x_.Between(kLatency, kSilence), [this] { EndFailed(); });
    Draw();
    Later(kLatency, [this] { SendChunk(); });
  }

  FetchProgress Progress() const override {
    return {evidence_.events, evidence_.bytes, absl::InfinitePast()};
  }

  int recoverer() const { return recoverer_; }
  const v1::RecoveryStep& step() const { return step_; }
  RecoveryMethod method() const { return step_.step().method(); }

 private:
  void Later(absl::Duration delay, std::function<void()> turn) {
    x_.world_.After(delay, owner_.Wrap([turn = std::move(turn)] { turn(); }));
  }

  void Draw() {
    Interval asked = evidence_.asked;
    absl::Duration length = absl::Microseconds(asked.until - asked.from);
    chunk_time_ = length / x_.options_.speed / kChunks + absl::Milliseconds(200);
    std::string key = RangeText(step_);
    if (x_.Chance(10)) {
      break_at_ = static_cast<int>(x_.random_.Below(kChunks));
      is_silent_ = x_.Chance(30);
    }
    lacks_final_ = x_.options_.has_final_record && x_.Chance(8);
    lacks_final_ = std::exchange(x_.next_lacks_final_, false) || lacks_final_;
    loses_line_ = x_.Chance(4);
    // Named in the final record alone, if it comes to that.
    if (x_.options_.has_final_record && x_.Chance(10)) DrawFailedMinutes();
    if (x_.next_failed_minute_) {
      int64_t from = asked.from + *x_.next_failed_minute_ * absl::ToInt64Microseconds(kMinute);
      failed_.push_back({from, from + absl::ToInt64Microseconds(kMinute)});
      x_.next_failed_minute_.reset();
    }
    bool& was_short = x_.was_short_[key];
    // In order of minutes nothing is left out: what came before the last is there.
    is_short_ = !x_.options_.has_final_record && !was_short && x_.Chance(15);
    was_short = is_short_;
  }

  void DrawFailedMinutes() {
    int64_t minute = absl::ToInt64Microseconds(kMinute);
    int64_t minutes = (evidence_.asked.until - evidence_.asked.from) / minute;
    for (uint64_t left = 1 + x_.random_.Below(2); left > 0 && minutes > 0; --left) {
      int64_t from =
          evidence_.asked.from +
          minute * static_cast<int64_t>(x_.random_.Below(static_cast<uint64_t>(minutes)));
      failed_.push_back({from, from + minute});
    }
  }

  bool IsSent(const Post& post) {
    absl::Time now = x_.world_.WallNow();
    const RouteLimits& route = *FindRoute(x_.options_.policy, method());
    if (post.created < start_ - route.window) return false;
    if (post.created > start_ - route.min_age + kTolerance) return false;
    ++counted_;
    if (post.deleted <= now) return false;
    int64_t micros = absl::ToUnixMicros(post.created);
    for (const Interval& failed : failed_) {
      if (micros >= failed.from && micros < failed.until) return false;
    }
    return !is_short_ || x_.random_.Below(100) >= 30;
  }

  void SendChunk() {
    Interval asked = evidence_.asked;
    int64_t part = (asked.until - asked.from) / kChunks;
    absl::Time from = absl::FromUnixMicros(asked.from + part * chunk_);
    absl::Time until = absl::FromUnixMicros(
        chunk_ == kChunks - 1 ? asked.until : asked.from + part * (chunk_ + 1));
    std::vector<uint64_t> ids;
    for (const Post* post : x_.PostsIn(step_.partition(), from, until)) {
      if (IsSent(*post)) Receive(*post, &ids);
    }
    if (!ids.empty()) {
      v1::SessionRecord record;
      *record.mutable_frame() = MakeFrame(ids, x_.world_.WallNow());
      record.mutable_frame()->set_origin(v1::EVENT_ORIGIN_RECOVERY);
      sink_.Append(std::move(record));
    }
    ++chunk_;
    if (chunk_ == break_at_) {
      return Later(is_silent_ ? kSilence : chunk_time_, [this] { EndBroken(); });
    }
    Later(chunk_time_, [this] { chunk_ < kChunks ? SendChunk() : EndClean(); });
  }

  void Receive(const Post& post, std::vector<uint64_t>* ids) {
    ++sent_;
    bool poison = post.is_poison && x_.faulty_;
    if (poison || std::exchange(loses_line_, false)) {
      ++evidence_.lost_lines;
      ++x_.counts_.lines_lost;
      return;
    }
    ids->push_back(post.id);
    ++evidence_.events;
    evidence_.bytes += 100;
    evidence_.keys_digest += Hash64(PostWindowKey(post.id));
    if (witnesses_.count(post.id) > 0) evidence_.seen_witnesses.push_back(post.id);
    int64_t micros = absl::ToUnixMicros(post.created);
    evidence_.seen_minutes.insert(MinuteOf(micros));
  }

  void EndRefused() {
    ++x_.counts_.refused;
    evidence_.http_status = 429;
    End(Stop::kRefused, *refusal_);
  }
  void EndFailed() {
    ++x_.counts_.broken;
    End(Stop::kFailed, {RetryClass::kNetwork, Cause::kNoAnswer});
  }
  void EndBroken() {
    ++x_.counts_.broken;
    End(Stop::kBroken, {RetryClass::kImmediate, is_silent_ ? Cause::kSilence : Cause::kReset});
  }

  void EndClean() {
    bool announces = x_.options_.has_final_record && !lacks_final_;
    if (announces) {
      FinalRecord record;
      record.kind =
          failed_.empty() ? FinalRecord::Kind::kCompleted : FinalRecord::Kind::kWithErrors;
      record.activity_count = sent_;
      record.missing = failed_;
      evidence_.final_record = std::move(record);
    }
    // Of searches X says how many there are, deleted ones included.
    if (method() == v1::RecoveryJob::METHOD_SEARCH) {
      evidence_.begin_time = start_;
      evidence_.counts = {{{evidence_.asked, counted_, evidence_.events}}};
    }
    x_.counts_.failed_minutes += failed_.size();
    ++(announces ? x_.counts_.completed : x_.counts_.unproved);
    End(Stop::kClean, {});
  }

  void End(Stop stop, const Verdict& verdict) {
    evidence_.stop = stop;
    evidence_.verdict = verdict;
    evidence_.end_time = x_.world_.WallNow();
    x_.trace_(absl::StrCat("X ends for ", recoverer_, ": ", RangeText(step_), ", stop ",
                           static_cast<int>(stop), " ", CauseWord(verdict.cause), ", ",
                           evidence_.events, " events, ", evidence_.lost_lines, " lost"));
    is_running_ = false;
    x_.Leave(this, true);
    // It may destroy us.
    Done done = std::move(done_);
    done(std::move(evidence_));
  }

  RecoveryX& x_;
  const int recoverer_;
  const v1::RecoveryStep step_;
  RecordSink& sink_;
  Done done_;
  const std::set<uint64_t> witnesses_;
  absl::Time start_;
  absl::optional<Verdict> refusal_;
  FetchEvidence evidence_;
  absl::Duration chunk_time_;
  int chunk_ = 0;
  int break_at_ = -1;
  bool is_silent_ = false;
  bool lacks_final_ = false;
  bool loses_line_ = false;
  bool is_short_ = false;
  std::vector<Interval> failed_;
  uint64_t sent_ = 0;
  uint64_t counted_ = 0;
  bool is_running_ = false;
  Owner owner_;
};

RecoveryX::RecoveryX(SimLoop& world, Random& random, Options options, Trace trace,
                     std::vector<std::string>* failures)
    : world_(world),
      random_(random),
      options_(std::move(options)),
      trace_(std::move(trace)),
      failures_(failures),
      faulty_(options_.faulty),
      published_until_(world.WallNow()) {}

RecoveryX::~RecoveryX() = default;

void RecoveryX::Publish() {
  absl::Time now = world_.WallNow();
  while (true) {
    absl::Duration pause = absl::Seconds(-std::log(1 - random_.Unit()) / options_.rate);
    absl::Time next = absl::FromUnixMillis(absl::ToUnixMillis(published_until_ + pause));
    // Without memory: the pause may as well begin anew.
    if (next >= now) break;
    published_until_ = std::max(next, published_until_ + absl::Milliseconds(1));
    Post post;
    post.id = FirstSnowflakeAt(next) + ++post_count_ % (1 << 22);
    post.created = next;
    if (options_.partitions > 0) {
      post.partition = 1 + static_cast<uint32_t>(random_.Below(options_.partitions));
    }
    if (random_.Below(200) == 0) post.deleted = next + Between(absl::Seconds(30), absl::Hours(3));
    post.is_poison = random_.Below(300) == 0;
    posts_.push_back(post);
  }
  published_until_ = std::max(published_until_, now);
}

std::vector<const RecoveryX::Post*> RecoveryX::PostsIn(uint32_t partition, absl::Time from,
                                                       absl::Time until) const {
  std::vector<const Post*> found;
  auto post = std::lower_bound(posts_.begin(), posts_.end(), from,
                               [](const Post& one, absl::Time time) { return one.created < time; });
  for (; post != posts_.end() && post->created < until; ++post) {
    if (post->partition == partition) found.push_back(&*post);
  }
  return found;
}

absl::StatusOr<std::unique_ptr<Fetch>> RecoveryX::Ask(int recoverer, const v1::RecoveryStep& step,
                                                      RecordSink& sink, Fetch::Done done) {
  ++counts_.asked;
  trace_(absl::StrCat("X is asked by ", recoverer, ": ", RangeText(step), " for ",
                      step.recovery_job(), " step ", step.step().number()));
  auto asked = std::make_unique<Asked>(this, recoverer, step, &sink, std::move(done));
  running_.push_back(asked.get());
  requests_[asked->method()].push_back(world_.WallNow());
  CheckLimits(*asked);
  CheckOnce(*asked);
  asked->Begin();
  return asked;
}

void RecoveryX::CheckLimits(const Asked& asked) {
  const RouteLimits* route = FindRoute(options_.policy, asked.method());
  std::string what = RangeText(asked.step());
  if (route == nullptr || route->off) return Fail(absl::StrCat("X does not offer ", what));
  auto live = std::count_if(running_.begin(), running_.end(),
                            [&](const Asked* each) { return each->method() == asked.method(); });
  if (live > route->jobs && options_.trusts_shares) {
    Fail(absl::StrCat("X runs ", live, " at once, with ", what));
  }
  absl::Time now = world_.WallNow();
  std::deque<absl::Time>& requests = requests_[asked.method()];
  while (requests.front() <= now - route->request_window) requests.pop_front();
  if (static_cast<int>(requests.size()) > route->requests) {
    Fail(absl::StrCat("X got ", requests.size(), " requests in its window, with ", what));
  }
  absl::Time until = ToTime(asked.step().step().fetch_range().end_time());
  if (until > now - route->min_age + kTolerance) Fail(absl::StrCat("X was asked too soon: ", what));
  // The padding may be out of reach.
  absl::Time from = ToTime(asked.step().step().range().start_time());
  if (from < now - route->window - kTolerance) Fail(absl::StrCat("X was asked too late: ", what));
}

void RecoveryX::CheckOnce(const Asked& asked) {
  for (const Asked* other : running_) {
    if (other == &asked || other->step().partition() != asked.step().partition()) continue;
    const v1::RecoveryJob::Step& a = asked.step().step();
    const v1::RecoveryJob::Step& b = other->step().step();
    bool is_same =
        a.method() == b.method() && IntervalOf(a.fetch_range()) == IntervalOf(b.fetch_range());
    bool twice = options_.single_deduper ? Overlap(a.range(), b.range())
                                         : other->recoverer() == asked.recoverer() && is_same;
    if (twice) Fail(absl::StrCat("X is asked twice at once: ", RangeText(asked.step())));
  }
}

absl::optional<Verdict> RecoveryX::Refuse(const Asked& asked) {
  absl::Time now = world_.WallNow();
  const RouteLimits* route = FindRoute(options_.policy, asked.method());
  if (route == nullptr) return Verdict{RetryClass::kTerminal, Cause::kNotFound};
  auto& haunted = haunted_until_[asked.method()];
  haunted.erase(std::remove_if(haunted.begin(), haunted.end(),
                               [&](absl::Time until) { return until <= now; }),
                haunted.end());
  auto live = std::count_if(running_.begin(), running_.end(),
                            [&](const Asked* each) { return each->method() == asked.method(); });
  if (live + static_cast<int>(haunted.size()) > route->jobs) {
    return Verdict{RetryClass::kTooManyConnections, Cause::kTooManyConnections};
  }
  if (now < no_credentials_until_) return Verdict{RetryClass::kTerminal, Cause::kUnauthorized};
  auto forbidden = forbidden_until_.find(asked.method());
  if (forbidden != forbidden_until_.end() && now < forbidden->second) {
    ++counts_.forbidden;
    return Verdict{RetryClass::kTerminal, Cause::kForbidden};
  }
  if (Chance(4)) {
    absl::Duration wait = Between(absl::Seconds(30), absl::Minutes(10));
    return Verdict{RetryClass::kRateLimited, Cause::kRateLimited, wait};
  }
  return absl::nullopt;
}

void RecoveryX::Leave(Asked* asked, bool ended) {
  running_.erase(std::find(running_.begin(), running_.end(), asked));
  if (ended) return;
  ++counts_.stopped;
  trace_(absl::StrCat("X loses ", asked->recoverer(), ": ", RangeText(asked->step())));
  if (Chance(50)) {
    haunted_until_[asked->method()].push_back(world_.WallNow() +
                                              Between(absl::Seconds(1), absl::Seconds(20)));
  }
}

}  // namespace braid
