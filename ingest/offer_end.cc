#include "ingest/offer_end.h"

#include "absl/strings/match.h"

namespace braid {

absl::string_view CertificateRemedy(const absl::Status& end) {
  if (absl::IsPermissionDenied(end) || absl::IsUnauthenticated(end)) {
    return "give this connector a certificate of role connector whose common name is the "
           "connection's (deploy/make-certs)";
  }
  if (!absl::IsUnavailable(end)) return "";
  // gRPC's words for a TLS handshake that failed.
  for (absl::string_view part : {"CERTIFICATE_VERIFY_FAILED", "andshake", "Peer name"}) {
    if (!absl::StrContains(end.message(), part)) continue;
    return "the certificates do not fit: each side's ca_file must hold the CA that signed the "
           "other's, and the deduper's certificate its address";
  }
  if (!absl::StrContains(end.message(), "WRONG_VERSION_NUMBER")) return "";
  return "the deduper's port speaks plain text: leave tls out, or give the deduper its own";
}

}  // namespace braid
