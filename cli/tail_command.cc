// braid tail: prints until the end, the limit or Ctrl-C, and resumes by itself
// when the server comes back.

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "cli/text.h"
#include "proto/reason.h"

namespace braid {
namespace {

using Output = CommandLine::Output;

// A deduper restarts within two seconds.
constexpr absl::Duration kRetryDelayMin = absl::Milliseconds(200);
constexpr absl::Duration kRetryDelayMax = absl::Seconds(5);

class Tailer {
 public:
  Tailer(Client& client, const CommandLine& line, const Terminal& terminal, Interrupt& interrupt)
      : client_(client), line_(line), terminal_(terminal), interrupt_(interrupt) {}

  int Run() {
    absl::StatusOr<std::string> parent = client_.StreamName();
    if (!parent.ok()) return Fail(parent.status());
    request_.set_parent(*parent);
    request_.set_cursor(line_.cursor);
    *request_.mutable_start() = *ParseFrom(line_.from, absl::Now());
    request_.set_stop_at_end(line_.stop_at_end);
    absl::Duration delay = kRetryDelayMin;
    while (true) {
      absl::Status status = RunOnce();
      if (interrupt_.triggered()) return Leave();
      if (!output_works_) return kExitFailed;
      bool again = absl::IsUnavailable(status) && line_.reconnect && !request_.cursor().empty();
      if (!again) return status.ok() ? kExitOk : Fail(status);
      if (progressed_) delay = kRetryDelayMin;
      std::fprintf(terminal_.err, "braid: the server is away, trying again in %s\n",
                   DurationText(delay).c_str());
      if (!interrupt_.Sleep(delay)) return Leave();
      delay = std::min(2 * delay, kRetryDelayMax);
    }
  }

 private:
  absl::Status RunOnce() {
    progressed_ = false;
    grpc::ClientContext context;
    Interrupt::Scope scope(interrupt_, [&context] { context.TryCancel(); });
    if (line_.event_limit > 0) request_.set_limit(line_.event_limit - printed_);
    auto reader = client_.streams().TailEvents(&context, request_);
    v1::TailEventsResponse batch;
    while (reader->Read(&batch)) {
      progressed_ = true;
      if (!Print(batch)) {
        output_works_ = false;
        context.TryCancel();
        break;
      }
      printed_ += static_cast<uint64_t>(batch.events_size());
      request_.set_cursor(batch.position().cursor());
    }
    while (!output_works_ && reader->Read(&batch)) {
    }
    absl::Status status = FromGrpcStatus(reader->Finish());
    bool complete = line_.event_limit > 0 && printed_ >= line_.event_limit;
    return complete ? absl::OkStatus() : status;
  }

  bool Print(const v1::TailEventsResponse& batch) {
    std::string text;
    for (const v1::Event& event : batch.events()) {
      if (line_.envelope) {
        absl::StrAppend(&text, ToJson(event, false), "\n");
      } else if (line_.output == Output::kTable) {
        absl::StrAppend(&text, RenderEventLine(event, std::max(20, terminal_.width - 60)), "\n");
      } else {
        absl::StrAppend(&text, PayloadLine(event), "\n");
      }
    }
    for (const v1::StreamNotice& notice : batch.notices()) {
      std::fprintf(terminal_.err, "braid: notice: %s\n",
                   EscapeForTerminal(notice.message()).c_str());
    }
    return std::fwrite(text.data(), 1, text.size(), terminal_.out) == text.size() &&
           std::fflush(terminal_.out) == 0;
  }

  int Leave() {
    if (!request_.cursor().empty()) {
      std::fprintf(terminal_.err, "braid: resume with --cursor %s\n", request_.cursor().c_str());
    }
    return kExitOk;
  }

  int Fail(const absl::Status& status) {
    std::fprintf(terminal_.err, "%s\n", RenderError(status, client_.address()).c_str());
    if (printed_ > 0) Leave();
    return ExitCodeOf(status);
  }

  Client& client_;
  const CommandLine& line_;
  const Terminal& terminal_;
  Interrupt& interrupt_;
  v1::TailEventsRequest request_;
  uint64_t printed_ = 0;
  bool progressed_ = false;
  bool output_works_ = true;
};

}  // namespace

int RunTail(Client& client, const CommandLine& line, const Terminal& terminal,
            Interrupt& interrupt) {
  return Tailer(client, line, terminal, interrupt).Run();
}

}  // namespace braid
