#include "ingest/cover.h"

#include <algorithm>

#include "base/once_a_day.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

v1::Cover MakeCover(absl::Time from, absl::Time until, v1::EventOrigin origin,
                    absl::Duration slack) {
  v1::Cover cover;
  SetTime(from, cover.mutable_create_time_range()->mutable_start_time());
  SetTime(until, cover.mutable_create_time_range()->mutable_end_time());
  cover.set_origin(origin);
  SetDuration(slack, cover.mutable_slack());
  return cover;
}

}  // namespace

CoverTracker::CoverTracker(const Options& options)
    : options_(options), lateness_(options.lateness) {}

void CoverTracker::OnStart(const Start& start) {
  life_.emplace();
  life_->start = start;
  life_->from = start.head_time + options_.head_margin;
  life_->last_live_receipt = start.head_time;
  life_->newest_create_time = start.head_time;
  life_->newest_receive_time = start.head_time;
  life_->progress = absl::InfinitePast();
  last_run_time_ = start.head_time;
  standstill_end_ = absl::InfinitePast();
  rate_before_ = usual_rate_.rate();
  absl::Duration silence = OnceADaySilence(rate_before_, options_.backfill_silence_min);
  life_->backfill_open = start.backfill_minutes > 0 && !start.after_full_buffer && ended_near_ &&
                         usual_rate_.is_settled() && silence <= options_.backfill_silence_max;
  if (life_->backfill_open) {
    life_->backfill = BackfillEvidence(start.head_time, absl::Minutes(start.backfill_minutes));
  }
}

void CoverTracker::OnClockMoved(absl::Duration by, absl::Time x_now) {
  if (!life_.has_value()) return;
  life_->clock_moved += by;
  if (life_->from_used) return;
  bool is_fine = !life_->began_anew && life_->clock_moved <= options_.head_margin;
  life_->from = is_fine ? life_->from + by : std::max(life_->from, x_now);
}

v1::EventOrigin CoverTracker::OnEvent(absl::Time create_time, absl::Time receive_time) {
  if (!life_.has_value()) return v1::EVENT_ORIGIN_LIVE;
  bool is_backfill = life_->start.backfill_minutes > 0 &&
                     create_time < life_->start.head_time - options_.slack_default;
  life_->backfill.OnEvent(create_time, is_backfill);
  if (is_backfill) {
    life_->last_backfill_receipt = receive_time;
    return v1::EVENT_ORIGIN_BACKFILL;
  }
  // XClock believes no event from the far future; it is no evidence here either.
  if (create_time <= receive_time) OnLiveEvent(create_time, receive_time);
  return v1::EVENT_ORIGIN_LIVE;
}

void CoverTracker::WatchStandstill(absl::Time x_now) {
  absl::Duration pause = x_now - last_run_time_;
  if (pause > options_.standstill_min) {
    standstill_end_ = x_now;
    life_->stood_still += pause;
  }
  last_run_time_ = std::max(last_run_time_, x_now);
}

void CoverTracker::OnLiveEvent(absl::Time create_time, absl::Time receive_time) {
  Life& life = *life_;
  absl::Duration silence = OnceADaySilence(usual_rate_.rate(), options_.silence_min);
  if (create_time - life.newest_create_time > silence) BeginAnew(receive_time);

  WatchStandstill(receive_time);
  usual_rate_.OnEvent(receive_time - life.last_live_receipt - life.stood_still);
  life.stood_still = absl::ZeroDuration();
  lateness_.OnEvent(create_time, receive_time);
  if (life.live_events++ == 0) life.first_live_receipt = receive_time;
  life.last_live_receipt = std::max(life.last_live_receipt, receive_time);
  if (life.live_events == 1 || create_time >= life.newest_create_time) {
    life.newest_create_time = create_time;
    life.newest_receive_time = receive_time;
  }
  life.progress = std::max(life.progress, create_time);
}

void CoverTracker::OnHeartbeat(absl::Time receive_time) {
  if (!life_.has_value()) return;
  ++life_->heartbeats;
  WatchStandstill(receive_time);
  if (receive_time < standstill_end_ + options_.standstill_min) return;
  // The pause of the newest data: stragglers arriving since prove nothing about
  // what was created after it.
  absl::Duration pause = receive_time - life_->newest_receive_time;
  double intervals = absl::ToDoubleSeconds(pause) * usual_rate_.rate();
  if (intervals > options_.heartbeat_intervals_max) return;
  life_->progress = std::max(life_->progress, life_->newest_create_time + pause);
}

void CoverTracker::OnLoss(absl::Time last_receive_time) {
  // What was lost may have been created in that very millisecond.
  absl::Time from = last_receive_time + absl::Milliseconds(1);
  if (life_.has_value() && from > life_->from) BeginAnew(from);
  if (life_.has_value()) life_->backfill_open = false;
}

void CoverTracker::BeginAnew(absl::Time from) {
  life_->from = std::max(life_->from, from);
  life_->from_used = false;
  life_->began_anew = true;
  // Backfill would have to reach over the hole.
  life_->backfill_open = false;
}

void CoverTracker::OnEnd(absl::Time x_now) {
  if (!life_.has_value()) return;
  life_->ended = true;
  life_->backfill_open = false;
  // Its last word may still be taken, and says more.
  if (life_->start.after_full_buffer && !life_->from_used) discarded_until_ = x_now;
  ended_near_ = x_now - life_->progress <= options_.slack_default;
}

bool CoverTracker::MayVouch() const {
  return life_->live_events >= options_.live_events_min ||
         life_->heartbeats >= options_.heartbeats_min;
}

absl::Duration CoverTracker::slack() const {
  return std::max(options_.slack_default, lateness_.Tail());
}

absl::Duration CoverTracker::DataSilence(absl::Time x_now) const {
  // Before a few events it may never have been fed.
  bool fed = life_.has_value() && !life_->ended && life_->live_events >= options_.live_events_min;
  if (!fed) return absl::ZeroDuration();
  absl::Duration pause = x_now - life_->last_live_receipt - life_->stood_still;
  bool usual = pause <= OnceADaySilence(usual_rate_.rate(), options_.silence_min);
  return usual ? absl::ZeroDuration() : pause;
}

std::vector<v1::Cover> CoverTracker::Take(absl::Time x_now) {
  std::vector<v1::Cover> covers;
  if (!life_.has_value()) return covers;
  WatchStandstill(x_now);
  if (!MayVouch()) return covers;
  if (auto cover = TakeLive()) covers.push_back(*std::move(cover));
  if (auto cover = TakeBackfill(x_now)) covers.push_back(*std::move(cover));
  if (life_->ended) life_.reset();
  return covers;
}

absl::optional<v1::Cover> CoverTracker::TakeLive() {
  absl::Time from = life_->from;
  absl::Time until = life_->progress - slack();
  if (until <= from) return absl::nullopt;
  if (life_->backfill_open && !life_->from_used) life_->backfill_until = from;
  if (life_->start.after_full_buffer && !life_->from_used) discarded_until_ = from;
  life_->from = until;
  life_->from_used = true;
  return MakeCover(from, until, v1::EVENT_ORIGIN_LIVE, slack());
}

absl::optional<v1::Cover> CoverTracker::TakeBackfill(absl::Time x_now) {
  // Backfill joins the live cover, so there must be one.
  if (!life_->backfill_open || !life_->from_used || life_->live_events == 0) return absl::nullopt;
  absl::Time settled =
      std::max({life_->last_backfill_receipt, life_->first_live_receipt, standstill_end_});
  if (x_now < settled + options_.backfill_settle) return absl::nullopt;
  life_->backfill_open = false;

  BackfillEvidence::Question question;
  question.until = life_->backfill_until;
  question.live_from = life_->start.head_time - options_.slack_default;
  question.usual_rate = rate_before_;
  question.silence = OnceADaySilence(rate_before_, options_.backfill_silence_min);
  absl::optional<absl::Time> since = life_->backfill.WholeSince(question);
  life_->backfill = BackfillEvidence();
  if (!since.has_value()) return absl::nullopt;
  absl::Time from = std::max(*since + slack(), discarded_until_);
  if (from >= question.until) return absl::nullopt;
  return MakeCover(from, question.until, v1::EVENT_ORIGIN_BACKFILL, slack());
}

}  // namespace braid
