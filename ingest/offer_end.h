// Whether a call to a deduper ended over certificates, which no waiting mends,
// and what to do then.
//
// Pure. Threads: any.

#ifndef BRAID_INGEST_OFFER_END_H_
#define BRAID_INGEST_OFFER_END_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace braid {

// Empty where it ended for another reason.
absl::string_view CertificateRemedy(const absl::Status& end);

}  // namespace braid

#endif  // BRAID_INGEST_OFFER_END_H_
