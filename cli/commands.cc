#include "cli/commands.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "cli/render.h"
#include "cli/text.h"

namespace braid {

bool CommandContext::Print(const std::string& text) {
  errno = 0;
  bool written = std::fwrite(text.data(), 1, text.size(), terminal.out) == text.size() &&
                 std::fflush(terminal.out) == 0;
  if (!written) write_error_ = errno != 0 ? errno : EIO;
  return written;
}

int CommandContext::WriteFailure() const {
  if (write_error_ == EPIPE) return kExitBrokenPipe;
  Tell(absl::StrCat("can not write the output: ", std::strerror(write_error_)));
  return kExitFailed;
}

void CommandContext::Tell(const std::string& message) const {
  std::fprintf(terminal.err, "braid: %s\n", message.c_str());
}

int CommandContext::Fail(const absl::Status& status) const {
  // The call was broken off: the user knows why.
  if (interrupt.triggered()) return kExitInterrupted;
  bool tls = !line.ca_file.empty();
  std::fprintf(terminal.err, "%s\n", RenderError(status, line.server, tls).c_str());
  return ExitCodeOf(status);
}

std::string CommandContext::Json(const google::protobuf::Message& message) const {
  return ToJson(message, line.output == CommandLine::Output::kJson) + "\n";
}

int RunCommand(const CommandLine& line, const Terminal& terminal, Interrupt& interrupt) {
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(line, interrupt);
  if (!client.ok()) {
    std::fprintf(terminal.err, "braid: %s\n", std::string(client.status().message()).c_str());
    return kExitUsage;
  }
  CommandContext context(line, terminal, interrupt, **client);
  return line.run(context);
}

}  // namespace braid
