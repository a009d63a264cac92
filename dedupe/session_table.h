// What the deduper knows of every session of every source: who may offer, and
// where each session goes on. Fencing: the highest epoch of a source wins, and
// two spools that claim one epoch are told apart by the session id.
//
// Threads: the merger thread. Not thread-safe.
// Bounds: sources are those the configuration names (checked at Hello);
// kSessionsPerSourceMax sessions each, beyond it the oldest that the source
// does not name any more is forgotten.

#ifndef BRAID_DEDUPE_SESSION_TABLE_H_
#define BRAID_DEDUPE_SESSION_TABLE_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "braid/store/v1/log.pb.h"
#include "dedupe/store.h"

namespace braid {

class SessionTable {
 public:
  // A source starts a session per process start; retention keeps few of them.
  static constexpr size_t kSessionsPerSourceMax = 64;

  using Sessions = std::map<uint64_t, store::v1::SessionState>;

  // Records that will never come: [offset, offset + offsets) of the session.
  struct Missing {
    uint64_t epoch = 0;
    uint64_t offset = 0;
    uint64_t offsets = 0;
  };
  struct OpenResult {
    bool accepted = false;
    uint64_t highest_epoch = 0;
    std::vector<std::pair<uint64_t, uint64_t>> expected_by_epoch;
    std::vector<Missing> missing;
  };

  absl::Status Load(const Store& store);

  OpenResult Open(const store::v1::SourceOpened& opened);

  // Null when no Open named it. The pointer stays valid until the next Open.
  // The session counts as changed.
  store::v1::SessionState* Change(const std::string& source_id, uint64_t epoch);
  const store::v1::SessionState* Find(const std::string& source_id, uint64_t epoch) const;

  // The core's clock was set: ages of receive times stay what they were.
  void ShiftReceiveNow(int64_t delta_micros);

  // Writes what changed since the last call.
  void Seal(WriteSet* changes);

  const std::map<std::string, Sessions>& sources() const { return sources_; }

 private:
  using Id = std::pair<std::string, uint64_t>;

  // A session under another number than the one we know it by: it goes on where
  // it stood. To take it again could put twice what the window has forgotten.
  void FollowRename(const std::string& source_id, Sessions* sessions,
                    const v1::OfferRequest::Session& session, const std::set<uint64_t>& named);
  void NameSession(const std::string& source_id, Sessions* sessions,
                   const v1::OfferRequest::Session& named, OpenResult* result);
  void MarkUnnamed(const std::string& source_id, Sessions* sessions,
                   const std::set<uint64_t>& named, OpenResult* result);
  void Prune(const std::string& source_id, Sessions* sessions, const std::set<uint64_t>& named);

  std::map<std::string, Sessions> sources_;
  std::set<Id> changed_;
  std::set<Id> removed_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_SESSION_TABLE_H_
