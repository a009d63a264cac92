// Every stream X sells, as one table: where it is, how one asks for it, what X
// promises and what it counts. Nothing else in the program knows these facts.
//
// What is documented is the default here. Where X's documents contradict each
// other or are silent, the row says so and the configuration can change it
// (`source.settings`, config.proto names each).
//
// Pure data. Source of each column: docs/X-API, the section beside it.

#ifndef BRAID_INGEST_X_DIALECT_H_
#define BRAID_INGEST_X_DIALECT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "braid/v1/types.pb.h"

namespace braid {

// How a family writes its parameters, refuses and heartbeats.
enum class XFamily { kV2, kGnip, kPowerstream };

enum class XAuth { kBearer, kBasic };

// What X does with a connection beyond the allowed number (1.6, 2.10).
enum class OverLimit {
  kRefused,     // 429 at once
  kGraceNewest  // accepted; after a minute the newest is cut, by other pages the oldest
};

// Attempts that X answers before it refuses with 429 (1.8, 2.5).
struct ConnectBudget {
  int attempts;
  absl::Duration window;
};

struct Dialect {
  // As in the configuration.
  absl::string_view name;
  XFamily family;
  XAuth auth;
  // {account} and {label} stand for the configured ones.
  std::string url;

  // 0: the stream has no partitions and takes no such parameter; else the
  // parameter is required, 1 to this (1.5, 2.1).
  int partitions;
  // 0: no backfill (1.12, 2.8).
  int backfill_minutes_max;
  // Whether start and end of a past span can be asked for (1.14, 2.8).
  bool has_recovery;
  // Whether there is a Replay of five days (1.13).
  bool has_replay;

  // 406 without it (1.3).
  bool gzip_required;
  absl::Duration heartbeat;    // 1.4, 2.6
  absl::Duration stall_after;  // real heartbeats come up to 22 s apart
  // How much later than its creation an event may be delivered (1.18, 2.12).
  absl::Duration lateness;

  ConnectBudget connect_budget;
  // Connections allowed per partition; contracts differ (1.6, 2.5).
  int slots;
  OverLimit over_limit;
  // Name of the endpoint in X's connections API; empty: none (2.3).
  std::string endpoint_id;

  // What an object is that is neither a post nor anything else known.
  v1::EventKind unknown;
  // Whether matching_rules come with its posts.
  bool has_rules;
};

// nullptr for a name that is none.
const Dialect* FindDialect(absl::string_view name);
// For the message that refuses a name.
std::vector<std::string> DialectNames();

// Parameter names differ by family (1.2, 2.1, 2.14).
absl::string_view BackfillParameter(XFamily family);
absl::string_view StartTimeParameter(XFamily family);
absl::string_view EndTimeParameter(XFamily family);

}  // namespace braid

#endif  // BRAID_INGEST_X_DIALECT_H_
