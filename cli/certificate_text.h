// Certificates on this side: their file, what people see of them, and whether
// they hold. Pure but for reading lines. No server is needed.
//
// Bounds: one tally per minute of the range, one line of an export.

#ifndef BRAID_CLI_CERTIFICATE_TEXT_H_
#define BRAID_CLI_CERTIFICATE_TEXT_H_

#include <istream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "braid/v1/gap_service.pb.h"

namespace braid {

struct CheckedCertificate {
  v1::Certificate certificate;
  v1::Certificate::Body body;
};

// JSON of braid.v1.Certificate.
absl::StatusOr<CheckedCertificate> ParseCertificate(const std::string& json);

// `public_key`: DER; empty: the certificate's own, which proves only that it was
// not changed since.
absl::Status CheckSignature(const v1::Certificate& certificate, const std::string& public_key);

// Holds events against the certified minutes: a line each, braid.v1.Event as
// JSON (`--envelope`) or a post id. Others than the range's are passed over.
// Returns how many are in the range; InvalidArgument says what differs.
absl::StatusOr<uint64_t> CheckEvents(const v1::Certificate::Body& body, std::istream& lines);

// What it says: minutes of one grade in a row as one line. `width`: of its table,
// 0: any.
std::string RenderCertificate(const CheckedCertificate& checked, int width);

// SHA-256 of the key, as `openssl pkey -pubin -outform DER | sha256sum` has it.
std::string KeyFingerprint(const std::string& public_key);

}  // namespace braid

#endif  // BRAID_CLI_CERTIFICATE_TEXT_H_
