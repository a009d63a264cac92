// What the core observes of a stream beside merging it: what X bills, limits
// and pauses, unusual volume, lag. Fed with the core's inputs and time only;
// what it finds are notices, which the core puts into the log.
//
// Threads: the merger thread. Not thread-safe.
// Ownership: owns its parts. Bounds: theirs; one lag series per connection.

#ifndef BRAID_DEDUPE_STREAM_WATCH_H_
#define BRAID_DEDUPE_STREAM_WATCH_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "braid/store/v1/log.pb.h"
#include "braid/v1/stream_service.pb.h"
#include "braid/v1/usage.pb.h"
#include "dedupe/lag_model.h"
#include "dedupe/metering.h"
#include "dedupe/usage_limits.h"
#include "dedupe/volume_watch.h"

namespace braid {

class StreamWatch {
 public:
  struct Options {
    std::vector<UsageLimit> limits;
    // Of the month; 1 to 28.
    int usage_reset_day = 1;
    VolumeWatch::Options volume;
    LagModel::Options lag;
  };

  // Of the whole stream among the lag series.
  static constexpr char kStreamLag[] = "";

  // REQUIRES: store outlives this.
  StreamWatch(const Store& store, Options options);
  absl::Status Load();

  void OnOpened(const store::v1::SourceOpened& opened);
  // A frame that was not applied before; `is_new`: one bit per event. Errors
  // are the store's: fatal.
  absl::Status OnFrame(const std::string& source_id, const v1::Frame& frame,
                       absl::string_view is_new, absl::Time newest, WriteSet* changes);
  void OnConnectionEvent(const std::string& source_id, const v1::ConnectionEvent& event);
  // No copy received before `delivered` will come any more.
  std::vector<v1::StreamNotice> OnTick(const store::v1::Tick& tick, absl::Time now,
                                       absl::Time delivered, WriteSet* changes);
  std::vector<v1::StreamNotice> OnCommand(const store::v1::Command& command, absl::Time now,
                                          WriteSet* changes);

  // Limits that were reached and whose rules X may still have, as places among
  // the configured ones.
  std::vector<size_t> Removals();
  // The task that removes them; 0 before the first.
  uint64_t RemovalTask(size_t limit);
  void OnRemovalAsked(size_t limit, uint64_t task);
  v1::StreamNotice OnRemoved(size_t limit, absl::Time now);

  // What X says was consumed, for people.
  void OnXUsage(v1::XUsage usage, absl::Time now, WriteSet* changes);

  // Where X's month, as it last said, is not that of the configured limits;
  // empty where it is, or none counts by month.
  std::string ResetDayProblem() const;

  void Seal(WriteSet* changes);
  void Committed() { metering_.Committed(); }

  bool paused() const { return limits_.has_pause(); }
  const store::v1::LimitState& limits() const { return limits_; }
  const Metering& metering() const { return metering_; }
  const VolumeWatch& volume() const { return volume_; }
  // By connection, and kStreamLag.
  const std::map<std::string, LagModel>& lags() const { return lags_; }
  const Options& options() const { return options_; }

 private:
  absl::Status LoadXUsage();
  void OnLag(const std::string& source_id, const v1::Frame& frame, absl::string_view is_new);
  void CheckUsage(absl::Time now, std::vector<v1::StreamNotice>* notices, WriteSet* changes);
  void FollowLimits(absl::Time now, std::vector<v1::StreamNotice>* notices, WriteSet* changes);
  v1::StreamNotice Pause(absl::Time now, absl::Time ends, const std::string& reason,
                         WriteSet* changes);
  v1::StreamNotice Resume(absl::Time now, const std::string& reason, WriteSet* changes);

  const Options options_;
  const Store& store_;
  Metering metering_;
  VolumeWatch volume_;
  std::map<std::string, LagModel> lags_;
  store::v1::LimitState limits_;
  // As last written.
  std::string limits_bytes_;
  // 0: X has not said.
  int x_reset_day_ = 0;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_STREAM_WATCH_H_
