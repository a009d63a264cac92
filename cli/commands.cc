#include "cli/commands.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "cli/render.h"
#include "cli/text.h"

namespace braid {
namespace {

// Zero, or why not all of it is written.
int Write(const std::string& text, FILE* out) {
  errno = 0;
  bool written =
      std::fwrite(text.data(), 1, text.size(), out) == text.size() && std::fflush(out) == 0;
  if (written) return 0;
  return errno != 0 ? errno : EIO;
}

// The exit code.
int WriteFailed(int error, FILE* err) {
  if (error == EPIPE) return kExitBrokenPipe;
  std::fprintf(err, "braid: can not write the output: %s\n", std::strerror(error));
  return kExitFailed;
}

}  // namespace

bool CommandContext::Print(const std::string& text) {
  write_error_ = Write(text, terminal.out);
  return write_error_ == 0;
}

int CommandContext::WriteFailure() const { return WriteFailed(write_error_, terminal.err); }

int CommandContext::FinishText(const std::string& text) {
  return Finish(WrapLines(text, terminal.text_width()));
}

void CommandContext::Tell(const std::string& message) const {
  // Whole: a command in it can be copied.
  std::fprintf(terminal.err, "braid: %s\n", message.c_str());
}

int CommandContext::Fail(const absl::Status& status) const {
  // The call was broken off: the user knows why.
  if (interrupt.triggered()) return kExitInterrupted;
  bool tls = !line.ca_file.empty();
  // A file that messages go to has room.
  const int width = terminal.can_ask ? terminal.text_width() : 0;
  std::string text = WrapLines(RenderError(status, line.server, tls), width);
  std::fprintf(terminal.err, "%s\n", text.c_str());
  return ExitCodeOf(status);
}

std::string CommandContext::Json(const google::protobuf::Message& message) const {
  return ToJson(message, line.output == CommandLine::Output::kJson) + "\n";
}

int Announce(const ParsedCommandLine& parsed, const Terminal& terminal) {
  int error = Write(parsed.output, terminal.out);
  std::fputs(parsed.error.c_str(), terminal.err);
  return error == 0 ? *parsed.exit_code : WriteFailed(error, terminal.err);
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
