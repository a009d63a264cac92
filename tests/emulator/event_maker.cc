#include "tests/emulator/event_maker.h"

#include <algorithm>

#include "tests/emulator/truth.h"

namespace braid::emulator {
namespace {

// X's servers repeat recent posts when they start; the same ones are edited.
constexpr size_t kRecentMax = 1024;
// One turn of the past: neighbours share the second.
constexpr absl::Duration kPastStep = absl::Milliseconds(100);

}  // namespace

EventMaker::EventMaker(const EventMix& mix, uint64_t seed, const IdOptions& ids, size_t body_count,
                       const EventSinks& sinks)
    : mix_(mix), body_count_(body_count), sinks_(sinks), ids_(ids), random_(seed ^ 0xd0b1e) {
  wanted_.fill(mix.everything);
  wanted_[static_cast<size_t>(EventKind::kPost)] = true;
}

void EventMaker::Emit(Event event, absl::Time now) {
  event.micros = absl::ToUnixMicros(now);
  uint64_t number = sinks_.history->Append(event);
  unwritten_.push_back(event.id | (event.is_duplicate ? truth_format::kDuplicateBit : 0));
  unwritten_kinds_.push_back(static_cast<uint8_t>(event.kind));
  if (!is_past_) sinks_.topics->Append(event, number, now);
  if (event.kind != EventKind::kPost || event.is_duplicate) return;
  recent_.push_back(number);
  if (recent_.size() > kRecentMax) recent_.pop_front();
}

void EventMaker::MakePost(absl::Time now) {
  bool repeats = Chance(mix_.duplicates);
  bool varies = !repeats && Chance(mix_.variants);
  bool edits = !repeats && !varies && Chance(mix_.edits);
  bool has_recent = !recent_.empty() && recent_.front() >= sinks_.history->first();
  Event post;
  if (has_recent && (repeats || varies || edits)) {
    post = sinks_.history->At(recent_[random_.Below(recent_.size())]);
  }
  if (post.id != 0 && (repeats || varies)) {
    post.is_duplicate = true;
    if (varies) ++post.variant;
    return Emit(post, now);
  }
  uint64_t replaced = post.object != 0 ? post.object : post.id;
  post = Event();
  post.object = replaced;
  post.id = Chance(mix_.late) ? ids_.NextLate(now, mix_.late_by) : ids_.Next(now);
  post.body = static_cast<uint32_t>(next_body_);
  next_body_ = (next_body_ + 1) % body_count_;
  Emit(post, now);
  MakeAround(post, now);
}

void EventMaker::MakeOther(EventKind kind, double share, const Event& post, absl::Time now) {
  if (!wanted_[static_cast<size_t>(kind)]) return;
  // Shares above 1 make several.
  for (double left = share; left > 0; left -= 1) {
    if (left < 1 && !Chance(left)) return;
    Event event;
    event.kind = kind;
    event.id = ids_.Next(now);
    event.object = post.id;
    event.body = post.body;
    event.name = static_cast<uint8_t>(random_.Below(NameCount(kind)));
    Emit(event, now);
  }
}

void EventMaker::MakeAround(const Event& post, absl::Time now) {
  MakeOther(EventKind::kLike, mix_.likes, post, now);
  MakeOther(EventKind::kUserCompliance, mix_.compliance, post, now);
  MakeOther(EventKind::kLikeCompliance, mix_.compliance, post, now);
  MakeOther(EventKind::kLabel, mix_.labels, post, now);
  MakeOther(EventKind::kActivity, mix_.activities, post, now);
  MakeOther(EventKind::kPostCompliance, mix_.compliance, post, now);
  if (!Chance(mix_.deletes) || recent_.empty()) return;
  uint64_t number = recent_[random_.Below(recent_.size())];
  if (number < sinks_.history->first()) return;
  Event& gone = sinks_.history->MutableAt(number);
  gone.is_deleted = true;
  if (!wanted_[static_cast<size_t>(EventKind::kPostCompliance)]) return;
  Event notice;
  notice.kind = EventKind::kPostCompliance;
  notice.id = ids_.Next(now);
  notice.object = gone.id;
  notice.name = kDeleteName;
  Emit(notice, now);
}

void EventMaker::FlushTruth(absl::Time now) {
  sinks_.truth->Created(first_unwritten_, unwritten_, now);
  sinks_.truth->Kinds(first_unwritten_, unwritten_kinds_);
  unwritten_.clear();
  unwritten_kinds_.clear();
}

void EventMaker::Make(uint64_t count, absl::Time now) {
  first_unwritten_ = sinks_.history->end();
  for (uint64_t i = 0; i < count; ++i) MakePost(now);
  FlushTruth(now);
}

void EventMaker::FillPast(absl::Time from, absl::Time until, double rate) {
  is_past_ = true;
  double owed = 0;
  for (absl::Time now = from; now < until; now += kPastStep) {
    owed += rate * absl::ToDoubleSeconds(kPastStep);
    auto count = static_cast<uint64_t>(owed);
    owed -= static_cast<double>(count);
    Make(count, now);
  }
  is_past_ = false;
}

}  // namespace braid::emulator
