// braid stream: pausing and resuming.

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "cli/command_table.h"
#include "cli/commands.h"

namespace braid {
namespace {

struct PauseOptions {
  std::string reason;
};

int RunPause(const PauseOptions& options, CommandContext& context) {
  absl::StatusOr<std::string> stream = context.client.StreamName();
  if (!stream.ok()) return context.Fail(stream.status());
  v1::PauseStreamRequest request;
  request.set_stream(*stream);
  request.set_reason(options.reason);
  v1::PauseStreamResponse response;
  absl::Status status = context.client.Do([&](grpc::ClientContext* call) {
    return context.client.admin().PauseStream(call, request, &response);
  });
  if (!status.ok()) return context.Fail(status);
  context.Tell(absl::StrCat(*stream, " is paused: what X sends meanwhile is lost on purpose"));
  return kExitOk;
}

int RunResume(CommandContext& context) {
  absl::StatusOr<std::string> stream = context.client.StreamName();
  if (!stream.ok()) return context.Fail(stream.status());
  absl::StatusOr<v1::StreamStatus> before = context.client.Status();
  if (!before.ok()) return context.Fail(before.status());
  v1::ResumeStreamRequest request;
  request.set_stream(*stream);
  v1::ResumeStreamResponse response;
  absl::Status status = context.client.Do([&](grpc::ClientContext* call) {
    return context.client.admin().ResumeStream(call, request, &response);
  });
  if (!status.ok()) return context.Fail(status);
  context.Tell(absl::StrCat(*stream, before->has_pause()
                                         ? " streams again as far as this deduper decides"
                                         : " was not paused: nothing has changed"));
  return kExitOk;
}

}  // namespace

void AddStreamCommands(CommandTree& tree) {
  CLI::App* group = tree.AddGroup("stream", "The stream as a whole");
  auto options = std::make_shared<PauseOptions>();
  CLI::App* pause = tree.Add(
      {"pause",
       "Lets every connection leave X until it is resumed",
       {"braid stream pause --reason 'quota'"},
       "nothing",
       ""},
      [options](CommandContext& context) { return RunPause(*options, context); }, group);
  pause->add_option("--reason", options->reason, "For people, at most 200 bytes");
  tree.Add({"resume",
            "Ends a pause, an operator's or a limit's",
            {"braid stream resume"},
            "nothing",
            ""},
           RunResume, group);
}

}  // namespace braid
