#include "dedupe/minute_book.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "braid/store/v1/gaps.pb.h"
#include "dedupe/cover_keys.h"
#include "dedupe/frame_parts.h"
#include "dedupe/keys.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

using v1::StreamNotice;

absl::StatusOr<MinuteTally> ParseTally(absl::string_view bytes) {
  store::v1::MinuteCount count;
  MinuteTally tally;
  bool read = count.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
              tally.keys.AddBytes(ToAbsl(count.keys_digest()));
  if (!read) return absl::DataLossError("a minute's count can not be read");
  tally.events = count.events();
  return tally;
}

std::string TallyBytes(const MinuteTally& tally) {
  store::v1::MinuteCount count;
  count.set_events(tally.events);
  count.set_keys_digest(tally.keys.Bytes());
  return count.SerializeAsString();
}

}  // namespace

absl::Status MinuteBook::Load() {
  // The last one, if it lasts.
  return store_.ScanBack(Table::kCover, CoverCappedKey(INT64_MAX),
                         [&](absl::string_view key, absl::string_view value) {
                           bool lasts = key[0] == kCoverCapped && ReadBe64(value) == 0;
                           if (lasts) capped_from_micros_ = CoverKeyCapped(key);
                           return false;
                         });
}

absl::StatusOr<MinuteBook::Cached*> MinuteBook::Find(int64_t minute) {
  auto it = cache_.find(minute);
  if (it != cache_.end()) return &it->second;
  Cached cached;
  absl::StatusOr<std::string> bytes = store_.Get(Table::kCover, CoverMinuteKey(minute));
  if (bytes.ok()) {
    absl::StatusOr<MinuteTally> tally = ParseTally(*bytes);
    if (!tally.ok()) return tally.status();
    cached.tally = *tally;
  } else if (!absl::IsNotFound(bytes.status())) {
    return bytes.status();
  }
  return &cache_.emplace(minute, cached).first->second;
}

absl::Status MinuteBook::OnFrame(const v1::Frame& frame, absl::string_view is_new, absl::Time now) {
  int64_t oldest = (absl::ToUnixMicros(now) - kDaysKept * kDayMicros) / kMinuteMicros;
  int64_t newest = absl::ToUnixMicros(now + log_span_) / kMinuteMicros;
  int64_t minute = -1;
  Cached* cached = nullptr;
  for (int i = 0, count = FrameEventCount(frame); i < count; ++i) {
    if (!HasBit(is_new, i)) continue;
    std::string key = FrameWindowKey(frame, i);
    int64_t of = absl::ToUnixMicros(SnowflakeTime(WindowKeyTime(key))) / kMinuteMicros;
    if (of < oldest || of > newest) continue;
    // A frame spans seconds.
    if (of != minute) {
      absl::StatusOr<Cached*> found = Find(of);
      if (!found.ok()) return found.status();
      cached = *found;
      minute = of;
    }
    cached->dirty = true;
    ++cached->tally.events;
    cached->tally.keys.AddKey(key);
  }
  return absl::OkStatus();
}

void MinuteBook::OnNotices(const std::vector<StreamNotice>& notices, absl::Time now,
                           WriteSet* changes) {
  for (const StreamNotice& notice : notices) {
    if (notice.type() == StreamNotice::TYPE_VOLUME_CAPPED && capped_from_micros_ == 0) {
      absl::Time since =
          notice.volume().has_since_time() ? ToTime(notice.volume().since_time()) : now;
      capped_from_micros_ = std::max<int64_t>(1, absl::ToUnixMicros(since));
      changes->Put(Table::kCover, CoverCappedKey(capped_from_micros_), EncodeSequence(0));
    } else if (notice.type() == StreamNotice::TYPE_VOLUME_UNCAPPED && capped_from_micros_ > 0) {
      int64_t until = std::max(capped_from_micros_ + 1, absl::ToUnixMicros(now));
      changes->Put(Table::kCover, CoverCappedKey(std::exchange(capped_from_micros_, 0)),
                   EncodeSequence(static_cast<uint64_t>(until)));
    }
  }
}

void MinuteBook::Expire(int64_t now_micros, WriteSet* changes) {
  int64_t oldest = now_micros - kDaysKept * kDayMicros;
  if (oldest <= 0) return;
  changes->DeleteRange(Table::kCover, CoverMinuteKey(0), CoverMinuteKey(oldest / kMinuteMicros));
  changes->DeleteRange(Table::kCover, CoverCappedKey(0), CoverCappedKey(oldest));
}

void MinuteBook::Seal(WriteSet* changes) {
  for (auto& [minute, cached] : cache_) {
    if (!std::exchange(cached.dirty, false)) continue;
    changes->Put(Table::kCover, CoverMinuteKey(minute), TallyBytes(cached.tally));
  }
}

void MinuteBook::Committed() {
  // The newest are the likeliest to be asked for.
  while (cache_.size() > kCachedMax) cache_.erase(cache_.begin());
}

absl::StatusOr<std::map<int64_t, MinuteTally>> ReadMinutes(const Store& store, Interval range) {
  std::map<int64_t, MinuteTally> minutes;
  absl::Status bad;
  absl::Status status =
      store.Scan(Table::kCover, CoverMinuteKey(range.from / kMinuteMicros),
                 CoverMinuteKey((range.until + kMinuteMicros - 1) / kMinuteMicros),
                 [&](absl::string_view key, absl::string_view value) {
                   absl::StatusOr<MinuteTally> tally = ParseTally(value);
                   bad = tally.status();
                   if (tally.ok()) minutes[CoverKeyMinute(key)] = *tally;
                   return bad.ok();
                 });
  if (status.ok()) status = bad;
  if (!status.ok()) return status;
  return minutes;
}

absl::StatusOr<IntervalSet> ReadCapped(const Store& store, int64_t now_micros) {
  IntervalSet capped;
  absl::Status status =
      store.Scan(Table::kCover, CoverCappedKey(0), CoverCappedKey(INT64_MAX),
                 [&](absl::string_view key, absl::string_view value) {
                   int64_t until = static_cast<int64_t>(ReadBe64(value));
                   capped.Add({CoverKeyCapped(key), until == 0 ? now_micros : until});
                   return true;
                 });
  if (!status.ok()) return status;
  return capped;
}

}  // namespace braid
