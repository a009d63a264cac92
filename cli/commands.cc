#include "cli/commands.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/version.h"
#include "cli/client.h"
#include "cli/render.h"
#include "proto/reason.h"

namespace braid {
namespace {

using Command = CommandLine::Command;
using Output = CommandLine::Output;

int Fail(const absl::Status& status, const Client& client, const Terminal& terminal) {
  std::fprintf(terminal.err, "%s\n", RenderError(status, client.address()).c_str());
  return ExitCodeOf(status);
}

// False where the reader of stdout is gone or its disk is full.
bool Print(const Terminal& terminal, const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), terminal.out) == text.size() &&
         std::fflush(terminal.out) == 0;
}

int HealthCode(v1::StreamStatus::Health health) {
  if (health == v1::StreamStatus::HEALTH_REDUNDANT) return 0;
  return health == v1::StreamStatus::HEALTH_EXPOSED ? 1 : 2;
}

std::string StatusText(const v1::StreamStatus& status, const CommandLine& line,
                       const Terminal& terminal) {
  if (line.output == Output::kTable) {
    return RenderStatus(status, terminal.interactive && line.color_allowed);
  }
  return ToJson(status, line.output == Output::kJson) + "\n";
}

int RunStatus(Client& client, const CommandLine& line, const Terminal& terminal,
              Interrupt& interrupt) {
  while (true) {
    absl::StatusOr<v1::StreamStatus> status = client.Status();
    if (!status.ok()) return Fail(status.status(), client, terminal);
    if (!Print(terminal, StatusText(*status, line, terminal))) return kExitFailed;
    if (!line.watch) return line.check ? HealthCode(status->health()) : kExitOk;
    if (!interrupt.Sleep(absl::Seconds(line.interval_seconds))) return kExitOk;
    if (line.output == Output::kTable) Print(terminal, "\n");
  }
}

int RunEventGet(Client& client, const CommandLine& line, const Terminal& terminal) {
  absl::StatusOr<v1::Event> event = client.Event(line.post_id);
  if (!event.ok()) return Fail(event.status(), client, terminal);
  std::string text;
  if (line.output == Output::kJsonl) text = PayloadLine(*event) + "\n";
  if (line.output == Output::kJson) text = ToJson(*event, true) + "\n";
  if (line.output == Output::kTable) text = RenderEvent(*event);
  return Print(terminal, text) ? kExitOk : kExitFailed;
}

int RunEventWhy(Client& client, const CommandLine& line, const Terminal& terminal) {
  absl::StatusOr<v1::Event> event = client.Event(line.post_id);
  bool not_in_log = ReasonOf(event.status()).reason == "EVENT_NOT_FOUND";
  if (!event.ok() && !not_in_log) return Fail(event.status(), client, terminal);
  absl::StatusOr<v1::StreamStatus> status = client.Status();
  if (!status.ok()) return Fail(status.status(), client, terminal);
  if (not_in_log) {
    Print(terminal, RenderWhyNot(line.post_id, *status, absl::Now()));
    return kExitNotFound;
  }
  bool json = line.output != Output::kTable;
  event->clear_payload();
  std::string text = json ? ToJson(*event, line.output == Output::kJson) + "\n"
                          : RenderWhy(*event, *status);
  return Print(terminal, text) ? kExitOk : kExitFailed;
}

int RunConnectionList(Client& client, const CommandLine& line, const Terminal& terminal) {
  absl::StatusOr<std::string> parent = client.StreamName();
  if (!parent.ok()) return Fail(parent.status(), client, terminal);
  v1::ListConnectionsRequest request;
  request.set_parent(*parent);
  v1::ListConnectionsResponse all;
  do {
    grpc::ClientContext context;
    SetCallDeadline(&context);
    v1::ListConnectionsResponse page;
    absl::Status status =
        FromGrpcStatus(client.admin().ListConnections(&context, request, &page));
    if (!status.ok()) return Fail(status, client, terminal);
    request.set_page_token(page.next_page_token());
    all.mutable_connections()->MergeFrom(page.connections());
  } while (!request.page_token().empty());
  std::string text;
  if (line.output == Output::kTable) text = RenderConnections(all.connections(), absl::Now());
  if (line.output == Output::kJson) text = ToJson(all, true) + "\n";
  if (line.output == Output::kJsonl) {
    for (const v1::Connection& connection : all.connections()) {
      absl::StrAppend(&text, ToJson(connection, false), "\n");
    }
  }
  return Print(terminal, text) ? kExitOk : kExitFailed;
}

int RunVersion(Client& client, const CommandLine& line, const Terminal& terminal) {
  absl::StatusOr<v1::ServerInfo> info = client.ServerInfo();
  if (line.output != Output::kTable) {
    if (!info.ok()) return Fail(info.status(), client, terminal);
    return Print(terminal, ToJson(*info, line.output == Output::kJson) + "\n") ? kExitOk
                                                                              : kExitFailed;
  }
  // The command's own version is known without a server.
  std::string text = absl::StrCat("braid   ", Version(), "\nserver  ");
  absl::StrAppend(&text, info.ok() ? info->version() : "not reachable", "\n");
  return Print(terminal, text) ? kExitOk : kExitFailed;
}

}  // namespace

int RunCommand(const CommandLine& line, const Terminal& terminal, Interrupt& interrupt) {
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(line);
  if (!client.ok()) {
    std::fprintf(terminal.err, "braid: %s\n", std::string(client.status().message()).c_str());
    return kExitUsage;
  }
  switch (line.command) {
    case Command::kStatus:
      return RunStatus(**client, line, terminal, interrupt);
    case Command::kTop:
      return RunTop(**client, line, terminal, interrupt);
    case Command::kTail:
      return RunTail(**client, line, terminal, interrupt);
    case Command::kEventGet:
      return RunEventGet(**client, line, terminal);
    case Command::kEventWhy:
      return RunEventWhy(**client, line, terminal);
    case Command::kConnectionList:
      return RunConnectionList(**client, line, terminal);
    case Command::kVersion:
      return RunVersion(**client, line, terminal);
    case Command::kNone:
      break;
  }
  return kExitUsage;
}

}  // namespace braid
