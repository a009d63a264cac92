// Where X is searched and how, by dialect: URL, names and forms of parameters,
// what a page holds and how long a query may be.
// Source: docs/X-API 1.2, 1.15, 2.2.
//
// Pure; any thread.

#ifndef BRAID_RECOVERY_SEARCH_REQUEST_H_
#define BRAID_RECOVERY_SEARCH_REQUEST_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/interval_set.h"
#include "braid/config/v1/config.pb.h"
#include "ingest/rule_api.h"
#include "ingest/x_dialect.h"
#include "ingest/x_request.h"

namespace braid {

// One stream's account as its short requests need it.
struct SearchSource {
  // Its row without partitions, which only streams have.
  std::shared_ptr<const Dialect> dialect;
  // The stream's own URL and parameters.
  RequestOptions live;
  // Nothing: nobody can tell where they are. Without authorization.
  absl::optional<RuleApi> rules;
  // Empty: what belongs to the stream's.
  std::string search_url;
  std::string counts_url;
  std::string lookup_url;
};

// `live`: of the source, its dialect outlives this call only.
SearchSource SearchSourceOf(const config::v1::RecoveredStream& stream, RequestOptions live);

struct SearchPlace {
  XFamily family = XFamily::kV2;
  std::string url;
  std::string counts_url;
  int page_posts = 100;
  size_t query_bytes_max = 512;
  // Between an answer and the next request.
  absl::Duration interval;
  // What is asked for: the range, outward to X's granularity. Unix microseconds.
  Interval asked;
};

// A range that began longer ago than recent search reaches needs the archive.
SearchPlace SearchPlaceOf(const SearchSource& source, const Interval& wanted, absl::Time now);

// `next_token`: of the page before; "" for the first.
RequestOptions SearchRequest(const SearchSource& source, const SearchPlace& place,
                             const std::string& query, const std::string& next_token);

// By the minute.
RequestOptions CountsRequest(const SearchSource& source, const SearchPlace& place,
                             const std::string& query, const std::string& next_token);

// At most kLookupIdsMax.
RequestOptions LookupRequest(const SearchSource& source, const std::vector<uint64_t>& post_ids);

// Whether it is the archive's, of which X gives less.
bool IsArchive(absl::string_view search_url);

}  // namespace braid

#endif  // BRAID_RECOVERY_SEARCH_REQUEST_H_
