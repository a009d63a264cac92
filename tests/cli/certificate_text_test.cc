#include "cli/certificate_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/ed25519.h"
#include "base/keys_digest.h"
#include "cli/why_text.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "proto/window_key.h"

namespace braid {
namespace {

using v1::Certificate;

// 2026-09-21T12:00:00Z or so; a whole minute.
const absl::Time kStart = absl::FromUnixSeconds(1790000100 / 60 * 60);

SigningKey MakeKey() {
  std::string path = testing::TempDir() + "/key.pem";
  std::ofstream(path) << "-----BEGIN PRIVATE KEY-----\n"
                         "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
                         "-----END PRIVATE KEY-----\n";
  return *SigningKey::Load(path);
}

uint64_t PostId(int i) {
  return FirstSnowflakeAt(kStart + absl::Seconds(30 * i)) + static_cast<uint64_t>(i);
}

v1::EventKey LikeKey() {
  v1::EventKey key;
  key.set_kind(v1::EVENT_KIND_LIKE);
  key.add_object_ids("00ff");
  SetTime(kStart + absl::Seconds(61), key.mutable_event_time());
  return key;
}

// Three minutes: posts 0 to 5, and a like in the second.
class CertificateTextTest : public testing::Test {
 protected:
  CertificateTextTest() {
    body_.set_stream("streams/main");
    body_.set_version(7);
    SetTime(kStart, body_.mutable_range()->mutable_start_time());
    SetTime(kStart + absl::Minutes(3), body_.mutable_range()->mutable_end_time());
    for (int m = 0; m < 3; ++m) {
      Certificate::Minute* minute = body_.add_minutes();
      SetTime(kStart + absl::Minutes(m), minute->mutable_start_time());
      minute->set_grade(m == 1 ? Certificate::GRADE_LOST : Certificate::GRADE_COVERED_BY_ALL);
      KeysDigest keys;
      keys.AddKey(PostWindowKey(PostId(2 * m)));
      keys.AddKey(PostWindowKey(PostId(2 * m + 1)));
      if (m == 1) keys.AddKey(EventWindowKey(LikeKey()));
      minute->set_events(m == 1 ? 3 : 2);
      minute->set_keys_digest(keys.Bytes());
    }
    for (int i = 0; i < 6; ++i) lines_.push_back(PostLine(PostId(i)));
    lines_.push_back(absl::StrCat(
        "{\"sequence\":\"7\",\"kind\":\"EVENT_KIND_LIKE\",\"key\":{\"kind\":\"EVENT_KIND_LIKE\","
        "\"objectIds\":[\"00ff\"],\"eventTime\":\"",
        absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", kStart + absl::Seconds(61), absl::UTCTimeZone()),
        "\"}}"));
    // Of other times: no matter.
    lines_.push_back(PostLine(PostId(-1)));
    lines_.push_back(PostLine(PostId(6)));
  }
  static std::string PostLine(uint64_t id) {
    return absl::StrCat("{\"sequence\":\"1\",\"id\":\"", id,
                        "\",\"kind\":\"EVENT_KIND_POST\",\"key\":{\"kind\":\"EVENT_KIND_POST\","
                        "\"objectIds\":[\"",
                        id, "\"]}}");
  }
  absl::StatusOr<uint64_t> Check() const {
    std::stringstream stream;
    for (const std::string& line : lines_) stream << line << "\n";
    return CheckEvents(body_, stream);
  }
  Certificate Signed() const {
    SigningKey key = MakeKey();
    Certificate certificate;
    certificate.set_body(body_.SerializeAsString());
    certificate.set_signature(key.Sign(ToAbsl(certificate.body())));
    certificate.set_public_key(key.PublicKey());
    return certificate;
  }

  Certificate::Body body_;
  std::vector<std::string> lines_;
};

TEST_F(CertificateTextTest, ExactlyTheCertifiedEventsPassInAnyOrder) {
  std::reverse(lines_.begin(), lines_.end());
  absl::StatusOr<uint64_t> events = Check();
  ASSERT_TRUE(events.ok()) << events.status();
  EXPECT_EQ(*events, 7);
}

TEST_F(CertificateTextTest, PostIdsAloneAreAnExport) {
  for (int i = 0; i < 6; ++i) lines_[i] = absl::StrCat(PostId(i));
  EXPECT_TRUE(Check().ok());
}

TEST_F(CertificateTextTest, OneEventChangedAddedOrRemovedFails) {
  const std::vector<std::string> whole = lines_;
  for (size_t i = 0; i < 7; ++i) {
    lines_ = whole;
    lines_.erase(lines_.begin() + i);
    EXPECT_TRUE(absl::IsInvalidArgument(Check().status())) << i;
    lines_ = whole;
    lines_.push_back(whole[i]);
    EXPECT_TRUE(absl::IsInvalidArgument(Check().status())) << i;
    lines_ = whole;
    lines_[i] = PostLine(PostId(static_cast<int>(i) % 6) + 1000);
    EXPECT_TRUE(absl::IsInvalidArgument(Check().status())) << i;
  }
  lines_ = whole;
  lines_[2] = PostLine(PostId(2) + 1);
  std::string message(Check().status().message());
  EXPECT_TRUE(absl::StrContains(message, "1 minute differs")) << message;
  EXPECT_TRUE(absl::StrContains(message, "not the same ones")) << message;
}

TEST_F(CertificateTextTest, LineThatIsNoEventIsNamed) {
  lines_.insert(lines_.begin() + 1, "{\"data\":{\"id\":\"1\"}}");
  EXPECT_TRUE(absl::StrContains(Check().status().message(), "line 2 "));
}

TEST_F(CertificateTextTest, SignatureHoldsForTheBodyAsItWasSigned) {
  Certificate certificate = Signed();
  std::string key = certificate.public_key();
  EXPECT_TRUE(CheckSignature(certificate, "").ok());
  EXPECT_TRUE(CheckSignature(certificate, key).ok());
  key.back() ^= 1;
  EXPECT_TRUE(absl::StrContains(CheckSignature(certificate, key).message(), "another key"));
  body_.mutable_minutes(0)->set_events(3);
  certificate.set_body(body_.SerializeAsString());
  EXPECT_TRUE(absl::StrContains(CheckSignature(certificate, "").message(), "changed"));
  certificate.clear_signature();
  EXPECT_TRUE(absl::StrContains(CheckSignature(certificate, "").message(), "not signed"));
}

TEST_F(CertificateTextTest, OnlyCertificatesAreRead) {
  for (const char* text : {"", "{}", "[]", "{\"body\":\"/////w==\"}", "not json"}) {
    EXPECT_FALSE(ParseCertificate(text).ok()) << text;
  }
  std::string json =
      absl::StrCat("{\"body\":\"", absl::Base64Escape(body_.SerializeAsString()), "\"}");
  absl::StatusOr<CheckedCertificate> checked = ParseCertificate(json);
  ASSERT_TRUE(checked.ok());
  EXPECT_EQ(checked->body.version(), 7);
}

TEST_F(CertificateTextTest, MinutesOfOneGradeAreOneLine) {
  body_.mutable_minutes(1)->set_grade(Certificate::GRADE_COVERED_BY_ALL);
  body_.mutable_minutes(2)->set_grade(Certificate::GRADE_LOST);
  body_.mutable_minutes(2)->add_gaps(9);
  body_.mutable_minutes(2)->mutable_missing()->set_value(1234);
  body_.add_limits("what X never sent");
  std::string text = RenderCertificate({Signed(), body_}, 0);
  EXPECT_TRUE(absl::StrContains(text, "covered by all")) << text;
  EXPECT_TRUE(absl::StrContains(text, "~1,234")) << text;
  EXPECT_TRUE(absl::StrContains(text, "- what X never sent")) << text;
  EXPECT_TRUE(absl::StrContains(text, KeyFingerprint(MakeKey().PublicKey()))) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 13) << text;
}

TEST(WhyTextTest, SaysWhoVouchesAndWhatThatMeans) {
  v1::QueryCoverageResponse cover;
  v1::CoverageRow* row = cover.add_rows();
  row->set_connection_id("fra-a");
  row->add_buckets()->set_covered(1);
  cover.add_rows()->add_buckets()->set_covered(1);
  std::string text = RenderCoverOfSecond(cover, {});
  EXPECT_TRUE(absl::StrContains(text, "fra-a  vouches for it")) << text;
  EXPECT_TRUE(absl::StrContains(text, "is covered")) << text;
  cover.mutable_rows(1)->mutable_buckets(0)->set_covered(0.5);
  cover.mutable_rows(1)->mutable_buckets(0)->set_pending(0.5);
  EXPECT_TRUE(absl::StrContains(RenderCoverOfSecond(cover, {}), "not settled"));
  v1::ListGapsResponse gaps;
  gaps.add_gaps()->set_name("streams/main/gaps/3");
  gaps.mutable_gaps(0)->set_state(v1::Gap::STATE_OPEN);
  gaps.mutable_gaps(0)->set_kind(v1::Gap::KIND_TOTAL_OUTAGE);
  text = RenderCoverOfSecond(cover, gaps);
  EXPECT_TRUE(absl::StrContains(text, "lies in a gap")) << text;
  EXPECT_TRUE(absl::StrContains(text, "gaps/3  open, total outage")) << text;
}

}  // namespace
}  // namespace braid
