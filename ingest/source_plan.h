// What `source` in a configuration means, of a connection and of a recoverer: a
// row of the dialect table with the configured settings in it, the request, the
// credentials; and whether X would take it.
//
// Pure, but that credentials are read from files. Main thread; ReadCredentials on
// the loop.

#ifndef BRAID_INGEST_SOURCE_PLAN_H_
#define BRAID_INGEST_SOURCE_PLAN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "base/config_report.h"
#include "braid/config/v1/config.pb.h"
#include "ingest/x_dialect.h"
#include "ingest/x_request.h"

namespace braid {

// The dialect's name, URL, own parameters, credentials; `path` ends with a dot.
// nullopt for a dialect that is none.
absl::optional<Dialect> CheckSource(const std::string& path, const config::v1::SourceConfig& source,
                                    const std::string& connection, ConfigReport* report,
                                    const ConfigProblems& problems);

// The row with its settings. REQUIRES: checked.
Dialect DialectOf(const config::v1::SourceConfig& source);

// `dialect` is what it points to.
RequestOptions RequestOf(const Dialect& dialect, const config::v1::SourceConfig& source,
                         const std::string& connection);

// What the Authorization header is made of, read anew at each connect.
absl::StatusOr<std::string> ReadCredentials(const config::v1::SourceConfig& source);

}  // namespace braid

#endif  // BRAID_INGEST_SOURCE_PLAN_H_
