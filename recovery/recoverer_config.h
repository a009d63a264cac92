// What the configuration of a recoverer means: for each stream how X is asked for
// its past, its spool and its share of what X counts.
//
// Pure, but that loading reads files. Main thread.

#ifndef BRAID_RECOVERY_RECOVERER_CONFIG_H_
#define BRAID_RECOVERY_RECOVERER_CONFIG_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/config_check.h"
#include "braid/config/v1/config.pb.h"
#include "braid/v1/recovery.pb.h"
#include "ingest/stream_reader.h"
#include "ingest/x_dialect.h"
#include "recovery/past_request.h"
#include "recovery/search_request.h"

namespace braid {

// base's checks, then the dialects': names, URLs, credentials, shares.
ConfigProblems LoadRecoverer(const std::string& file, config::v1::RecovererConfig* out);

struct StreamPlan {
  std::string stream;
  std::string spool_dir;
  config::v1::SourceConfig source;
  // The row with its settings; past.live.dialect points to it.
  std::shared_ptr<const Dialect> dialect;
  PastSource past;
  SearchSource search;
  StreamReader::Options reader;
  // At once.
  int jobs = 1;
  // What it does, and how often it may begin.
  std::map<v1::RecoveryJob::Method, ConnectBudget> windows;
  // How often X may be asked for its counts, where that is apart from its search.
  absl::optional<ConnectBudget> counts;
};

// REQUIRES: checked without errors.
std::vector<StreamPlan> PlanStreams(const config::v1::RecovererConfig& config);

// What would run: "1 stream: main (x-v2-filtered: recovery; 1 at a time)".
std::string Summarize(const std::vector<StreamPlan>& plans);

}  // namespace braid

#endif  // BRAID_RECOVERY_RECOVERER_CONFIG_H_
