#include "cli/certificate_text.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/bytes.h"
#include "base/ed25519.h"
#include "base/keys_digest.h"
#include "base/sha256.h"
#include "cli/text.h"
#include "proto/enum_word.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "proto/window_key.h"

namespace braid {
namespace {

using v1::Certificate;

// Of the minutes that differ: the first tell where, all would fill screens.
constexpr size_t kDifferencesMax = 10;

struct Tally {
  uint64_t events = 0;
  KeysDigest keys;
};

int64_t MinuteOf(absl::Time time) { return absl::ToUnixSeconds(time) / 60; }

// The window key in a line of an export.
absl::StatusOr<std::string> KeyOfLine(const std::string& line) {
  uint64_t id = 0;
  if (absl::SimpleAtoi(line, &id)) return PostWindowKey(id);
  v1::Event event;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  bool parsed = google::protobuf::util::JsonStringToMessage(line, &event, options).ok();
  if (parsed && event.has_key()) return EventWindowKey(event.key());
  if (parsed && event.id() > 0) return PostWindowKey(event.id());
  return absl::InvalidArgumentError(
      "is neither an event (braid tail -o jsonl --envelope) nor a post id");
}

std::string MinuteText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M", time, absl::UTCTimeZone());
}

std::string GradeWord(Certificate::Grade grade) {
  if (grade == Certificate::GRADE_UNSPECIFIED) return "nothing known";
  return EnumWords(Certificate::Grade_Name(grade), "GRADE_");
}

bool SameLine(const Certificate::Minute& a, const Certificate::Minute& b) {
  return a.grade() == b.grade() &&
         std::equal(a.covering_sources().begin(), a.covering_sources().end(),
                    b.covering_sources().begin(), b.covering_sources().end()) &&
         std::equal(a.gaps().begin(), a.gaps().end(), b.gaps().begin(), b.gaps().end());
}

std::vector<std::string> RowOf(const Certificate::Body& body, int first, int last) {
  const Certificate::Minute& minute = body.minutes(first);
  uint64_t events = 0;
  double missing = 0;
  for (int i = first; i <= last; ++i) {
    events += body.minutes(i).events();
    missing += body.minutes(i).missing().value();
  }
  absl::Time until = ToTime(body.minutes(last).start_time()) + absl::Minutes(1);
  return {MinuteText(ToTime(minute.start_time())),
          MinuteText(until),
          GradeWord(minute.grade()),
          GroupDigits(events),
          missing > 0 ? absl::StrCat("~", GroupDigits(static_cast<uint64_t>(missing))) : "-",
          minute.gaps_size() > 0 ? absl::StrJoin(minute.gaps(), " ") : "-",
          minute.covering_sources_size() > 0
              ? EscapeForTerminal(absl::StrJoin(minute.covering_sources(), " "))
              : "-"};
}

std::string Differences(const Certificate::Body& body, std::map<int64_t, Tally> found) {
  std::string text;
  size_t differing = 0;
  for (const Certificate::Minute& minute : body.minutes()) {
    absl::Time start = ToTime(minute.start_time());
    const Tally& tally = found[MinuteOf(start)];
    if (tally.events == minute.events() && tally.keys.Bytes() == minute.keys_digest()) continue;
    if (++differing > kDifferencesMax) continue;
    absl::StrAppend(&text, "\n  ", MinuteText(start), "  ", GroupDigits(tally.events), " events, ");
    absl::StrAppend(&text, tally.events == minute.events()
                               ? "as many as certified, but not the same ones"
                               : absl::StrCat(GroupDigits(minute.events()), " certified"));
  }
  if (differing == 0) return "";
  if (differing > kDifferencesMax) {
    absl::StrAppend(&text, "\n  and ", differing - kDifferencesMax, " more");
  }
  return absl::StrCat("the events are not those that were certified: ", differing,
                      differing == 1 ? " minute differs" : " minutes differ", text,
                      "\n  (a line that stands twice counts twice; events that came after ",
                      TimeText(ToTime(body.issue_time())), " UTC are not certified)");
}

}  // namespace

absl::StatusOr<CheckedCertificate> ParseCertificate(const std::string& json) {
  CheckedCertificate checked;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  bool parsed =
      google::protobuf::util::JsonStringToMessage(json, &checked.certificate, options).ok() &&
      !checked.certificate.body().empty() &&
      checked.body.ParseFromString(checked.certificate.body());
  if (parsed) return checked;
  return absl::InvalidArgumentError("is no certificate (JSON of braid.v1.Certificate)");
}

absl::Status CheckSignature(const Certificate& certificate, const std::string& public_key) {
  if (certificate.signature().empty()) {
    return absl::InvalidArgumentError(
        "the certificate is not signed: its deduper has no certificate_key_file");
  }
  const std::string& key = public_key.empty() ? certificate.public_key() : public_key;
  if (IsSignedBy(key, certificate.body(), certificate.signature())) return absl::OkStatus();
  bool by_other = !public_key.empty() && public_key != certificate.public_key() &&
                  IsSignedBy(certificate.public_key(), certificate.body(), certificate.signature());
  return absl::InvalidArgumentError(by_other
                                        ? absl::StrCat("the certificate is signed by another key: ",
                                                       KeyFingerprint(certificate.public_key()))
                                        : "the signature is wrong: the certificate was changed");
}

absl::StatusOr<uint64_t> CheckEvents(const Certificate::Body& body, std::istream& lines) {
  int64_t first = MinuteOf(ToTime(body.range().start_time()));
  int64_t end = MinuteOf(ToTime(body.range().end_time()));
  std::map<int64_t, Tally> found;
  uint64_t inside = 0;
  std::string line;
  for (uint64_t number = 1; std::getline(lines, line); ++number) {
    if (line.empty()) continue;
    absl::StatusOr<std::string> key = KeyOfLine(line);
    if (!key.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, " of the export ", key.status().message()));
    }
    int64_t minute = MinuteOf(SnowflakeTime(WindowKeyTime(*key)));
    if (minute < first || minute >= end) continue;
    ++inside;
    ++found[minute].events;
    found[minute].keys.AddKey(*key);
  }
  if (lines.bad()) return absl::DataLossError("the export can not be read");
  std::string differences = Differences(body, std::move(found));
  if (!differences.empty()) return absl::InvalidArgumentError(differences);
  return inside;
}

std::string RenderCertificate(const CheckedCertificate& checked, int width) {
  const Certificate::Body& body = checked.body;
  std::string text = absl::StrCat(
      "Certificate of ", EscapeForTerminal(body.stream()), ", version ", body.version(), "\n",
      "  range      ", MinuteText(ToTime(body.range().start_time())), " to ",
      MinuteText(ToTime(body.range().end_time())), " UTC\n", "  issued     ",
      TimeText(ToTime(body.issue_time())), " UTC, of log ", EscapeForTerminal(body.log_id()), "\n",
      "  watermark  ", TimeText(ToTime(body.watermark_time())), " UTC\n", "  events     ",
      GroupDigits(body.unique_events()), "\n  signed     ");
  if (checked.certificate.signature().empty()) {
    absl::StrAppend(&text, "no: the deduper has no certificate_key_file\n\n");
  } else {
    absl::StrAppend(&text, "by key ", KeyFingerprint(checked.certificate.public_key()), "\n\n");
  }
  std::vector<std::vector<std::string>> rows = {
      {"FROM", "TO", "GRADE", ">EVENTS", ">MISSING", "GAPS", "COVERED BY"}};
  for (int first = 0, last = 0; first < body.minutes_size(); first = ++last) {
    while (last + 1 < body.minutes_size() &&
           SameLine(body.minutes(first), body.minutes(last + 1))) {
      ++last;
    }
    rows.push_back(RowOf(body, first, last));
  }
  std::string table =
      FoldedTableText(std::move(rows), "  ", width, {"COVERED BY", "GAPS", "MISSING", "EVENTS"});
  absl::StrAppend(&text, table, "\nWhat it can not prove:\n");
  for (const std::string& limit : body.limits()) {
    absl::StrAppend(&text, "  - ", EscapeForTerminal(limit), "\n");
  }
  return text;
}

std::string KeyFingerprint(const std::string& public_key) {
  std::array<uint8_t, 32> hash = Sha256(ToAbsl(public_key));
  return absl::BytesToHexString({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

}  // namespace braid
