// The volume of a stream and of each of its rule tags: counts new live events
// by 5 s of receipt, lets a slot be judged once every connection that listens
// has passed it, and only if one listened during all of it. So a deduper that
// was away, or a line to it that was, is no drop.
//
// While the stream's volume is unusual its tags are not judged: the one notice
// says it all.
//
// Threads: the merger thread. Not thread-safe.
// Bounds: 16 open slots; kTagsMax series, of which one that was silent for a
// day makes room; other tags have none.

#ifndef BRAID_DEDUPE_VOLUME_WATCH_H_
#define BRAID_DEDUPE_VOLUME_WATCH_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "braid/store/v1/usage.pb.h"
#include "braid/v1/ingest_service.pb.h"
#include "dedupe/store.h"
#include "dedupe/volume_model.h"

namespace braid {

class VolumeWatch {
 public:
  // Each costs 1 KB of state that is written every 5 s.
  static constexpr size_t kTagsMax = 100;

  struct Options {
    VolumeModel::Options model;
    bool off = false;
  };
  struct Change {
    // Empty: the stream.
    std::string tag;
    VolumeChange change;
  };
  using Models = std::map<std::string, VolumeModel>;

  // REQUIRES: store outlives this.
  VolumeWatch(const Store& store, const Options& options);
  absl::Status Load();

  // A session began: what its source listens to is not known.
  void OnOpened(const std::string& source_id, uint64_t epoch);
  // `is_new`: one bit per event.
  void OnFrame(const std::string& source_id, const v1::Frame& frame, absl::string_view is_new);
  // The connection's life: whether it receives from then on.
  void OnState(const std::string& source_id, bool receives, absl::Time time);
  // What is ready is judged. `listening`: sources of which everything that they
  // received until a moment ago is here.
  std::vector<Change> OnTick(const google::protobuf::RepeatedPtrField<std::string>& listening,
                             absl::Time now);

  void Seal(WriteSet* changes);

  const VolumeModel& stream() const { return *stream_; }
  const Models& tags() const { return tags_; }

 private:
  struct Slot {
    uint64_t events = 0;
    bool listened = false;
    std::map<std::string, uint64_t> tag_events;
  };
  struct Source {
    uint64_t epoch = 0;
    int64_t heard_until_micros = 0;
    int64_t listening_since_micros = 0;
  };

  void Hear(Source* source, int64_t micros);
  Slot* SlotAt(int64_t micros);
  bool HasSeries(const std::string& tag, int64_t slot);
  bool AllHeard(int64_t end_micros, int64_t now_micros) const;
  void JudgeSlot(const Slot& slot, int64_t end_seconds, std::vector<Change>* changes);
  void AlignSlots(int64_t now_slot);

  const Options options_;
  const Store& store_;
  std::unique_ptr<VolumeModel> stream_;
  Models tags_;
  // Slot of each tag's last event.
  std::map<std::string, int64_t> last_slots_;
  std::map<std::string, Source> sources_;
  int64_t first_slot_ = 0;
  std::deque<Slot> slots_;
  // Not written yet.
  bool slots_changed_ = false;
  bool series_changed_ = false;
  std::vector<std::string> forgotten_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_VOLUME_WATCH_H_
