#include "tests/harness/emulator.h"

#include <sys/stat.h>

#include <regex>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/harness/binaries.h"
#include "tests/harness/files.h"
#include "tests/harness/http.h"

namespace braid::harness {
namespace {

DaemonOptions MakeDaemon(const EmulatorOptions& options, const std::string& token_file,
                         const std::string& truth_file) {
  DaemonOptions daemon;
  daemon.name = "emulator";
  daemon.dir = options.dir;
  daemon.command = {RunfilePath("tests/emulator/x-emulator"),
                    "--listen",
                    options.host + ":0",
                    "--control",
                    "127.0.0.1:0",
                    "--rate",
                    absl::StrCat(options.rate),
                    "--seed",
                    absl::StrCat(options.seed),
                    "--mean-bytes",
                    absl::StrCat(options.post_bytes),
                    "--duplicates",
                    absl::StrCat(options.duplicate_fraction),
                    "--bodies",
                    absl::StrCat(options.body_count),
                    "--slots",
                    absl::StrCat(options.slots),
                    "--keep-alive",
                    absl::StrCat(absl::ToDoubleSeconds(options.keep_alive)),
                    "--client-timeout",
                    absl::StrCat(absl::ToDoubleSeconds(options.client_timeout)),
                    "--bearer-token-file",
                    token_file};
  if (options.has_truth) daemon.command.insert(daemon.command.end(), {"--truth", truth_file});
  if (options.is_rendered_ahead) daemon.command.insert(daemon.command.end(), {"--render", "start"});
  if (options.past > absl::ZeroDuration()) {
    daemon.command.insert(
        daemon.command.end(),
        {"--past", absl::StrCat(absl::ToInt64Seconds(options.past)), "--history", "1000000"});
  }
  if (options.gzip) daemon.command.push_back("--gzip");
  for (const std::string& setting : options.settings) {
    daemon.command.insert(daemon.command.end(), {"--set", setting});
  }
  return daemon;
}

// Sum of all members of that name, also inside the list of connections.
uint64_t SumOf(const std::string& json, const std::string& name) {
  const std::regex member(absl::StrCat("\"", name, "\":([0-9]+)"));
  uint64_t sum = 0;
  for (std::sregex_iterator match(json.begin(), json.end(), member), end; match != end; ++match) {
    uint64_t value = 0;
    if (absl::SimpleAtoi((*match)[1].str(), &value)) sum += value;
  }
  return sum;
}

}  // namespace

absl::string_view CutName(CutKind kind) {
  switch (kind) {
    case CutKind::kMessage:
      return "message";
    case CutKind::kZeroChunk:
      return "zero";
    case CutKind::kTruncated:
      return "truncated";
    case CutKind::kReset:
      return "reset";
  }
  return "";
}

Emulator::Emulator(const EmulatorOptions& options)
    : options_(options),
      token_file_(options.dir + "/bearer_token"),
      truth_file_(options.dir + "/truth"),
      daemon_(MakeDaemon(options, token_file_, truth_file_)) {}

absl::Status Emulator::Start() {
  absl::Status written = WriteFile(token_file_, "emulated-token\n");
  if (!written.ok()) return written;
  // As connectors want it: a secret that others can read is warned of.
  chmod(token_file_.c_str(), 0600);
  return daemon_.Start();
}

absl::Status Emulator::Stop() { return daemon_.Stop(absl::Seconds(10)); }

std::string Emulator::StreamUrl(absl::string_view connection) const {
  return absl::StrCat("http://", options_.host, ":", daemon_.port("port"),
                      "/2/tweets/search/stream?connection=", connection);
}

absl::StatusOr<std::string> Emulator::Control(const std::string& target,
                                              const std::string& body) const {
  HttpCall call;
  call.port = daemon_.port("control_port");
  call.method = body.empty() ? "GET" : "POST";
  call.target = target;
  call.body = body;
  absl::StatusOr<HttpAnswer> answer = CallHttp(call);
  if (!answer.ok()) return answer.status();
  if (answer->status == 404) return absl::NotFoundError(absl::StrCat(target, ": ", answer->body));
  if (answer->status != 200) {
    return absl::InvalidArgumentError(absl::StrCat(target, ": ", answer->body));
  }
  return answer->body;
}

absl::StatusOr<EmulatorStatus> Emulator::Status() const {
  absl::StatusOr<std::string> json = Control("/stats");
  if (!json.ok()) return json.status();
  EmulatorStatus status;
  status.created = SumOf(*json, "created");
  status.sent = SumOf(*json, "sent");
  status.owed = SumOf(*json, "owed");
  status.streams_begun = SumOf(*json, "begun");
  status.sent_bytes = SumOf(*json, "sent_bytes");
  status.backlog_bytes = SumOf(*json, "backlog_bytes");
  return status;
}

bool Emulator::IsIdle() const {
  absl::StatusOr<EmulatorStatus> status = Status();
  return status.ok() && status->owed == 0 && status->backlog_bytes == 0;
}

absl::Status Emulator::Cut(absl::string_view connection, CutKind kind) {
  return Control(absl::StrCat("/close?how=", CutName(kind), "&tag=", connection)).status();
}

absl::Status Emulator::Drop(absl::string_view connection, uint64_t posts) {
  return Control(absl::StrCat("/drop?count=", posts, "&tag=", connection)).status();
}

absl::Status Emulator::Outage(const std::vector<std::string>& connections, absl::Duration length) {
  absl::Status status;
  for (const std::string& connection : connections) {
    status.Update(Control(absl::StrCat("/refuse?how=503&seconds=", absl::ToDoubleSeconds(length),
                                       "&tag=", connection))
                      .status());
    status.Update(Control(absl::StrCat("/close?how=full-buffer&tag=", connection)).status());
  }
  return status;
}

absl::Status Emulator::BlackHole(absl::string_view connection, absl::Duration length) {
  return Control(absl::StrCat("/black-hole?seconds=", absl::ToDoubleSeconds(length),
                              "&tag=", connection))
      .status();
}

absl::Status Emulator::SendRaw(absl::string_view connection, const std::string& bytes) {
  return Control(absl::StrCat("/send?tag=", connection), bytes).status();
}

absl::Status Emulator::SendBad(absl::string_view connection, absl::string_view kind) {
  return Control(absl::StrCat("/send?kind=", kind, "&tag=", connection)).status();
}

absl::Status Emulator::SetRate(double posts_per_second) {
  return Control(absl::StrCat("/rate?posts=", posts_per_second)).status();
}

absl::StatusOr<emulator::Truth> Emulator::ReadTruth() const {
  return emulator::ReadTruth(truth_file_);
}

}  // namespace braid::harness
