// braid certificate: what is proved about a range of time, and whether such a
// proof holds. Verifying needs no server.

#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/ed25519.h"
#include "cli/certificate_text.h"
#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/text.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

struct GetOptions {
  std::string from;
  std::string to = "now";
  std::string out;
};

struct VerifyOptions {
  std::string file;
  std::string key;
  std::string events;
};

// Positions that are a time, in the minutes of a certificate.
absl::StatusOr<absl::Time> ParseTime(const std::string& text, absl::Time now) {
  absl::Status position = ParseFrom(text, now).status();
  if (!position.ok()) return position;
  absl::StatusOr<absl::Time> time = ParseMomentOf(text, now, absl::Minutes(1));
  if (time.ok()) return time;
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", text, "\" is no time: give 2026-11-20T12:00:00Z, 12:00 (today, UTC), -1h or now"));
}

std::string CheckTime(const std::string& text) {
  if (text.empty()) return RefuseEmpty(text);
  return std::string(ParseTime(text, absl::UnixEpoch() + absl::Hours(24 * 366)).status().message());
}

absl::StatusOr<std::string> ReadWhole(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::stringstream bytes;
  if (stream) bytes << stream.rdbuf();
  if (stream && !stream.bad()) return bytes.str();
  return absl::NotFoundError(absl::StrCat("can not read ", file));
}

int RunGet(const GetOptions& options, CommandContext& context) {
  absl::Time now = absl::Now();
  absl::StatusOr<absl::Time> from = ParseTime(options.from, now);
  if (!from.ok()) return context.Fail(from.status());
  absl::StatusOr<absl::Time> to = ParseTime(options.to, now);
  if (!to.ok()) return context.Fail(to.status());
  if (*from >= *to) {
    return context.Fail(absl::InvalidArgumentError(
        absl::StrCat("--to (", TimeText(*to), ") must be after --from (", TimeText(*from),
                     "), by a minute at least: certificates count whole minutes")));
  }
  absl::StatusOr<std::string> stream = context.client.StreamName();
  if (!stream.ok()) return context.Fail(stream.status());
  v1::GetCertificateRequest request;
  request.set_parent(*stream);
  SetTime(*from, request.mutable_range()->mutable_start_time());
  SetTime(*to, request.mutable_range()->mutable_end_time());
  CheckedCertificate got;
  absl::Status status = context.client.Do([&](grpc::ClientContext* call) {
    return context.client.gaps().GetCertificate(call, request, &got.certificate);
  });
  if (!status.ok()) return context.Fail(status);
  if (!options.out.empty()) {
    std::ofstream file(options.out, std::ios::binary);
    file << ToJson(got.certificate, true) << "\n";
    file.close();
    if (!file) return context.Fail(absl::UnknownError("can not write " + options.out));
  }
  if (!context.wants_table()) return context.Finish(context.Json(got.certificate));
  if (!got.body.ParseFromString(got.certificate.body())) {
    return context.Fail(absl::DataLossError("the certificate can not be read"));
  }
  return context.FinishText(RenderCertificate(got, context.terminal.text_width()));
}

// What was held against the events, in words.
absl::StatusOr<std::string> CheckExport(const VerifyOptions& options,
                                        const v1::Certificate::Body& body) {
  if (options.events.empty()) {
    return std::string(
        "Only the signature was verified: --events EXPORT holds the events against it.\n");
  }
  std::ifstream file;
  if (options.events != "-") {
    file.open(options.events, std::ios::binary);
    if (!file) return absl::NotFoundError(absl::StrCat("can not read ", options.events));
  }
  absl::StatusOr<uint64_t> events = CheckEvents(body, options.events == "-" ? std::cin : file);
  if (!events.ok()) return events.status();
  return absl::StrCat("The ", *events,
                      " events of its range are exactly those it certifies, by their keys: it does "
                      "not say what\nstands in them.\n");
}

int RunVerify(const VerifyOptions& options, CommandContext& context) {
  absl::StatusOr<std::string> json = ReadWhole(options.file);
  if (!json.ok()) return context.Fail(json.status());
  absl::StatusOr<CheckedCertificate> checked = ParseCertificate(*json);
  if (!checked.ok()) {
    return context.Fail(
        absl::InvalidArgumentError(absl::StrCat(options.file, " ", checked.status().message())));
  }
  absl::StatusOr<std::string> key = std::string();
  if (!options.key.empty()) key = LoadPublicKey(options.key);
  if (!key.ok()) return context.Fail(key.status());
  absl::Status signature = CheckSignature(checked->certificate, *key);
  if (!signature.ok()) return context.Fail(signature);
  // What is shown is the key that verified it.
  if (!key->empty()) {
    const std::string& named = checked->certificate.public_key();
    if (!named.empty() && named != *key) {
      return context.Fail(absl::InvalidArgumentError(
          absl::StrCat(options.file, " names key ", KeyFingerprint(named), " and ", options.key,
                       " holds ", KeyFingerprint(*key), ": somebody changed the file")));
    }
    checked->certificate.set_public_key(*key);
  }
  absl::StatusOr<std::string> events = CheckExport(options, checked->body);
  if (!events.ok()) return context.Fail(events.status());
  if (!context.wants_table()) {
    // What it is worth stands beside the proof, not in it.
    if (options.events.empty()) context.Tell("only the signature was verified");
    return context.Finish(context.Json(checked->body));
  }
  std::string whose = options.key.empty()
                          ? "the file's own: --key PUBLIC.pem says whether it is your deduper's"
                          : "the one given";
  return context.FinishText(absl::StrCat(
      RenderCertificate(*checked, context.terminal.text_width()), "\nThe signature is good, by key ",
      KeyFingerprint(checked->certificate.public_key()), " (", whose, ").\n", *events));
}

void AddGet(CommandTree& tree, CLI::App* group) {
  auto options = std::make_shared<GetOptions>();
  CLI::App* get = tree.Add(
      {"get",
       "What is proved about each minute of a range, signed",
       {"braid certificate get --from -1h",
        "braid certificate get --from 2026-11-20T12:00 --to 2026-11-21 --out c.json"},
       "braid.v1.Certificate; its body is a braid.v1.Certificate.Body, serialized, as it is "
       "signed:\n"
       "  braid certificate verify FILE -o json shows it",
       ""},
      [options](CommandContext& context) { return RunGet(*options, context); }, group);
  get->add_option("--from", options->from, "First minute of creation time: a time, or -1h")
      ->check(CheckTime)
      ->required();
  get->add_option("--to", options->to, "End, at most 24 h later (default: now)")->check(CheckTime);
  get->add_option("--out", options->out, "Also written there, as -o json prints it")
      ->check(RefuseEmpty);
}

void AddVerify(CommandTree& tree, CLI::App* group) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* verify = tree.Add(
      {"verify",
       "Whether a certificate holds; needs no server",
       {"braid certificate verify c.json --key certificate.pub.pem",
        "braid tail --from earliest --stop-at-end -o jsonl --envelope > all.jsonl",
        "braid certificate verify c.json --key certificate.pub.pem --events all.jsonl"},
       "braid.v1.Certificate.Body, once it is verified",
       "1: it does not hold, or an event's key was changed, added or removed"},
      [options](CommandContext& context) { return RunVerify(*options, context); }, group);
  verify->add_option("FILE", options->file, "As get wrote it")->required();
  verify->add_option("--key", options->key, "Public key, PEM; without it, the file's own")
      ->check(RefuseEmpty);
  verify
      ->add_option("--events", options->events,
                   "Export of at least the range: a braid.v1.Event or a post id a line; -: stdin")
      ->check(RefuseEmpty);
}

}  // namespace

void AddCertificateCommands(CommandTree& tree) {
  CLI::App* group = tree.AddGroup("certificate", "Proofs of completeness");
  AddGet(tree, group);
  AddVerify(tree, group);
}

}  // namespace braid
