// Times as X writes them: "1539202764000" (milliseconds, as text or number),
// "2018-10-10T20:19:24.000Z", "Wed Oct 10 20:19:24 +0000 2018".
// Source: docs/X-API 1.17 and 2.7. Pure.

#ifndef BRAID_INGEST_X_TIME_H_
#define BRAID_INGEST_X_TIME_H_

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace braid {

// nullopt for anything else, and for times before X was (2006) or after 2106:
// what stands there is no time of an event.
absl::optional<absl::Time> ParseXTime(absl::string_view text);

}  // namespace braid

#endif  // BRAID_INGEST_X_TIME_H_
