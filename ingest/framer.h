// Scanned events become Frames: collected, cut, compressed once.
//
// A frame is cut where its content says so, so that two connections that
// receive the same posts cut the same frames and the deduper seldom has to
// repack one: once cut_bytes_min are in, after a post whose id hashes to a
// multiple of 16 (with posts of 2 KB every 32 KB on average). At frame_bytes_max
// it is cut anyway, and whenever the caller says so (socket drained, 5 ms old,
// another record follows). A frame holds one origin only, and either posts (by
// id) or other events (by key).
//
// Pure; on the loop. Bounds: the open frame holds frame_bytes_max, or one line
// that is longer.

#ifndef BRAID_INGEST_FRAMER_H_
#define BRAID_INGEST_FRAMER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "braid/v1/ingest_service.pb.h"

namespace braid {

class Framer {
 public:
  struct Options {
    // zstd gains little beyond 64 KB, and a frame is what a reader must open
    // to see one post.
    uint32_t frame_bytes_max = 64 * 1024;
    uint32_t cut_bytes_min = 32 * 1024;
  };

  struct Event {
    absl::string_view line;
    // The post's id, or the key of any other event.
    uint64_t post_id = 0;
    const v1::EventKey* key = nullptr;
    // X time.
    absl::Time receive_time;
    v1::EventOrigin origin = v1::EVENT_ORIGIN_LIVE;
    const std::vector<absl::string_view>* rule_tags = nullptr;
  };

  explicit Framer(const Options& options) : options_(options) {}

  // Frames that this event completes are appended to `closed`, oldest first.
  void Add(const Event& event, std::vector<v1::Frame>* closed);

  // Closes the open frame, if there is one.
  void Close(std::vector<v1::Frame>* closed);

  bool empty() const { return frame_.lengths_size() == 0; }

 private:
  bool Belongs(const Event& event) const;
  void AddTags(const Event& event);

  const Options options_;
  // The open frame; its lines wait uncompressed.
  v1::Frame frame_;
  std::string lines_;
  absl::Time base_time_;
  absl::flat_hash_map<std::string, uint32_t> tag_indexes_;
  bool has_tags_ = false;
};

}  // namespace braid

#endif  // BRAID_INGEST_FRAMER_H_
