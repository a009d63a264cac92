// Who offers to one stream of this deduper, and what each last said about
// itself: what the AdminService shows, and how a newer call of a source
// replaces its older one. Recoverers are not listed: nobody waits for them.
//
// Threads: the merger thread writes, any thread takes snapshots.
// Bounds: one entry per configured connection.

#ifndef BRAID_DEDUPE_SESSION_DIRECTORY_H_
#define BRAID_DEDUPE_SESSION_DIRECTORY_H_

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "braid/store/v1/log.pb.h"
#include "braid/v1/ingest_service.pb.h"

namespace braid {

class OfferSession;

struct SourceSnapshot {
  std::string source_id;
  std::string network;
  std::string version;
  // An accepted call is open.
  bool connected = false;
  uint64_t session_epoch = 0;
  // Accepted calls since this process started.
  uint64_t calls = 0;
  // Monotonic, of the deduper's loop; InfinitePast before the first.
  absl::Time connect_time = absl::InfinitePast();
  absl::Time report_time = absl::InfinitePast();
  // When the last call ended; of no meaning while connected.
  absl::Time close_time = absl::InfinitePast();
  v1::ConnectionReport report;
  // Since when every report said RECEIVING on one and the same connection to X.
  absl::Time receiving_since = absl::InfiniteFuture();
  // A report said RECEIVING since this process started.
  bool has_received = false;
  // As its Hello said; all_partitions also where the stream has none.
  std::vector<uint32_t> partitions;
  bool all_partitions = true;
  // Since this process started.
  uint64_t events = 0;
  uint64_t new_events = 0;
  uint64_t nacks = 0;
  // Open calls that another session of the same name replaced.
  uint64_t takeovers = 0;
  // The newest of them, oldest first; at most kContestTakeovers.
  std::deque<absl::Time> takeover_times;
};

// A restart takes over once; two processes of one name take over again and
// again, at every redial.
inline constexpr size_t kContestTakeovers = 3;
inline constexpr absl::Duration kContestSpan = absl::Minutes(10);

// Whether two processes offer under this name.
bool IsContested(const SourceSnapshot& source, absl::Time now);

// Sources that receive and of which everything that they received until a
// moment ago is here: their silence means that X sends nothing.
std::vector<std::string> ListeningSources(const std::vector<SourceSnapshot>& sources,
                                          absl::Time now);

// Sources whose call is open: whether they receive, and whether everything that
// they received is here, as far as they said within the last seconds.
std::vector<store::v1::Tick::Attention> AttentionOf(const std::vector<SourceSnapshot>& sources,
                                                    absl::Time now);

class SessionDirectory {
 public:
  // Every configured connection is listed from the start, connected or not.
  explicit SessionDirectory(const std::vector<std::string>& connections);

  // The session's call was accepted. Returns the call it replaces, or null.
  OfferSession* Open(OfferSession* session, const v1::OfferRequest::Hello& hello, absl::Time now);
  // No effect if the session was replaced, or never opened.
  void Close(const OfferSession* session, const std::string& source_id, absl::Time now);
  void OnReport(const std::string& source_id, const v1::ConnectionReport& report, absl::Time now);
  void OnApplied(const std::string& source_id, uint64_t events, uint64_t new_events);
  void OnNack(const std::string& source_id);

  // The source's open call; null where there is none. Merger thread.
  OfferSession* SessionOf(const std::string& source_id) const;

  // In the order of the names.
  std::vector<SourceSnapshot> Snapshot() const;

 private:
  struct OpenCall {
    OfferSession* session = nullptr;
    uint64_t session_id = 0;
  };

  mutable Mutex mu_;
  std::map<std::string, SourceSnapshot> sources_ ABSL_GUARDED_BY(mu_);
  // Merger thread only.
  std::map<std::string, OpenCall> open_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_SESSION_DIRECTORY_H_
