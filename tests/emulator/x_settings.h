// How the emulated X behaves where its documents conflict, are silent, or a test
// wants something else. All can be changed while it runs; what concerns a
// connection applies to the next one.
//
// Threads: the emulator's loop.

#ifndef BRAID_TESTS_EMULATOR_X_SETTINGS_H_
#define BRAID_TESTS_EMULATOR_X_SETTINGS_H_

#include "absl/time/time.h"
#include "tests/emulator/account.h"
#include "tests/emulator/client_stream.h"
#include "tests/emulator/stream_request.h"

namespace braid::emulator {

enum class BackfillMode { kFull, kIgnored, kPartial, kInterleaved };

// How recoveries and replays end.
enum class JobFault {
  kNone,
  kErrors,     // some minutes failed; Replay says so
  kFailed,     // stops half-way; Replay says so
  kPremature,  // stops half-way and says nothing
  kLostFinal,  // everything but the final message
};

struct XSettings {
  Credentials credentials;
  // Connections per account, stream and partition. X allows two redundant ones.
  int slots = 2;
  // v2 streams for clients that accept it; Gnip's are always compressed.
  bool gzip = false;
  // Connect attempts in a stream's window. 0: X's numbers are shown and not
  // enforced; -1: enforced; above: this number, enforced.
  int connect_limit = 0;
  // An end of the client's side that X does not see keeps the slot this long.
  absl::Duration zombie_slot = absl::ZeroDuration();
  // The kernel gives up on a silent peer after it.
  absl::Duration client_timeout = absl::Seconds(30);
  // 0: the kernel's own choice.
  size_t send_buffer_bytes = 0;
  // Of v2 and Powerstream.
  StreamOptions stream;

  // Gnip: 10 s on most pages; 15 and 30 on others.
  absl::Duration gnip_keep_alive = absl::Seconds(10);
  // Too many connections are tolerated so long, then the newest one is ended;
  // one page says the oldest.
  absl::Duration gnip_grace = absl::Minutes(1);
  bool gnip_ends_newest = true;
  bool gnip_is_activity_streams = false;
  bool powerstream_is_array = false;
  // v2: 409 while the filtered stream has no rules. Else it sends everything.
  bool needs_rules = false;

  BackfillMode backfill = BackfillMode::kFull;
  // Queued posts of a full buffer are gone, also for the backfill that follows.
  bool full_buffer_forgets = true;
  absl::Duration recovery_window = kRecoveryWindow;
  int job_count_max = 2;
  // Posts a second of a recovery or replay. Documented: at most 1,000.
  double job_rate = 1000;
  JobFault job_fault = JobFault::kNone;
  int job_failed_minutes = 1;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_X_SETTINGS_H_
