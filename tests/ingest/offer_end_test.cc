#include "ingest/offer_end.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"

namespace braid {
namespace {

TEST(OfferEndTest, ACertificateOfAnotherRoleNamesTheRoleThatIsNeeded) {
  absl::Status end = absl::PermissionDeniedError("a certificate of role reader may not offer");
  EXPECT_TRUE(absl::StrContains(CertificateRemedy(end), "role connector"));
}

TEST(OfferEndTest, AFailedHandshakeIsAMatterOfCertificates) {
  for (const char* message :
       {"failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:7400: Ssl "
        "handshake failed: SSL_ERROR_SSL: error:0A000086: CERTIFICATE_VERIFY_FAILED",
        "Peer name a.example is not in peer certificate"}) {
    EXPECT_TRUE(absl::StrContains(CertificateRemedy(absl::UnavailableError(message)), "CA"));
  }
  EXPECT_TRUE(absl::StrContains(
      CertificateRemedy(absl::UnavailableError("error:0A00010B:WRONG_VERSION_NUMBER")), "plain"));
}

TEST(OfferEndTest, ADeduperThatIsAwayIsNone) {
  EXPECT_EQ(CertificateRemedy(absl::UnavailableError("Connection refused")), "");
  EXPECT_EQ(CertificateRemedy(absl::CancelledError("handshake")), "");
  EXPECT_EQ(CertificateRemedy(absl::OkStatus()), "");
}

}  // namespace
}  // namespace braid
