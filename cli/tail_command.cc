// braid tail: prints until the end, the limit or Ctrl-C, and resumes by itself
// when the server comes back. However it ends, it says where to go on.

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"
#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/cursor_file.h"
#include "cli/render.h"
#include "cli/text.h"
#include "proto/proto_time.h"
#include "proto/reason.h"

namespace braid {
namespace {

using Output = CommandLine::Output;

// The first retry is at once: a deduper restarts within two seconds, and most
// breaks are the network's.
constexpr absl::Duration kRetryDelayMin = absl::Milliseconds(200);
constexpr absl::Duration kRetryDelayMax = absl::Seconds(5);
// The watermark runs behind by the connections' slack, some 10 s, and a minute on
// a quiet stream.
constexpr absl::Duration kUsuallyBehindMax = absl::Minutes(2);

struct TailOptions {
  std::string order = "arrival";
  std::string from;
  std::string cursor;
  std::string cursor_file;
  // 0: no limit.
  uint64_t event_limit = 0;
  bool stop_at_end = false;
  bool envelope = false;
  bool no_reconnect = false;
};

// A command that goes on where this one ended.
std::string ResumeCommand(const TailOptions& options, const CommandLine& line,
                          const std::string& cursor) {
  std::string text = "braid tail";
  const auto add = [&text](const char* name, const std::string& value) {
    if (!value.empty()) absl::StrAppend(&text, " ", name, " ", ShellQuote(value));
  };
  add("--server", line.server);
  add("--stream", line.stream);
  add("--ca-file", line.ca_file);
  add("--certificate-file", line.certificate_file);
  add("--key-file", line.key_file);
  add("--server-name", line.server_name);
  if (line.output != Output::kTable) {
    add("-o", line.output == Output::kJson ? "json" : "jsonl");
  }
  if (options.order != "arrival") add("--order", options.order);
  if (options.envelope) absl::StrAppend(&text, " --envelope");
  add("--cursor-file", options.cursor_file);
  if (options.cursor_file.empty()) add("--cursor", cursor);
  return text;
}

class Tailer {
 public:
  Tailer(const TailOptions& options, CommandContext& context)
      : options_(options), context_(context), cursor_file_(options.cursor_file) {}

  // The exit code; where to resume is said in any case.
  int Run() {
    int code = Follow();
    absl::Status stored = StoreCursor(true);
    if (!stored.ok() && code == kExitOk) code = context_.Fail(stored);
    const bool at_limit = options_.event_limit > 0 && printed_ >= options_.event_limit;
    const bool at_end = options_.stop_at_end && !at_limit && !context_.interrupt.triggered();
    if (code == kExitOk && at_end) TellEnd();
    const std::string& cursor = request_.cursor();
    if (!cursor.empty() && !cursor_refused_) {
      context_.Tell(absl::StrCat("cursor: ", cursor,
                                 " resume: ", ResumeCommand(options_, context_.line, cursor)));
    }
    return code;
  }

 private:
  absl::Status FillRequest() {
    request_.set_order(options_.order == "creation" ? v1::READ_ORDER_CREATION
                                                    : v1::READ_ORDER_ARRIVAL);
    request_.set_cursor(options_.cursor);
    if (!options_.cursor_file.empty()) {
      absl::StatusOr<std::string> cursor = cursor_file_.Read();
      if (!cursor.ok()) return cursor.status();
      request_.set_cursor(*cursor);
    }
    absl::StatusOr<v1::StartPosition> start = ParseFrom(options_.from, absl::Now());
    if (!start.ok()) return start.status();
    *request_.mutable_start() = *std::move(start);
    request_.set_stop_at_end(options_.stop_at_end);
    absl::StatusOr<std::string> parent = context_.client.StreamName();
    if (!parent.ok()) return parent.status();
    request_.set_parent(*parent);
    return absl::OkStatus();
  }

  int Follow() {
    absl::Status filled = FillRequest();
    if (!filled.ok()) return context_.Fail(filled);
    absl::Duration delay = absl::ZeroDuration();
    while (true) {
      absl::Status status = RunOnce();
      if (output_failed_) return context_.WriteFailure();
      if (!store_status_.ok()) return context_.Fail(store_status_);
      if (context_.interrupt.triggered() || status.ok()) return kExitOk;
      cursor_refused_ = absl::IsOutOfRange(status) || absl::IsInvalidArgument(status);
      // A server that ends in order cancels its calls.
      bool away = absl::IsUnavailable(status) || absl::IsCancelled(status);
      bool may_return = away && !request_.cursor().empty();
      if (!may_return || options_.no_reconnect) return context_.Fail(status);
      if (progressed_) delay = absl::ZeroDuration();
      if (!away_) context_.Tell("the server is away, trying again until it is back");
      away_ = true;
      if (!context_.interrupt.Sleep(delay)) return kExitOk;
      delay = std::clamp(2 * delay, kRetryDelayMin, kRetryDelayMax);
    }
  }

  // In creation order the end may lie far back.
  void TellEnd() const {
    if (request_.order() != v1::READ_ORDER_CREATION) return;
    if (!watermark_)
      return context_.Tell("stopped before the stream's first cover: nothing is in order yet");
    const absl::Duration behind = absl::Now() - *watermark_;
    context_.Tell(absl::StrCat(
        "stopped at the watermark, ", TimeText(*watermark_), " UTC",
        behind < kUsuallyBehindMax
            ? ""
            : absl::StrCat(", ", DurationText(behind),
                           " ago: an open gap holds it (braid gap ls), or nothing is received")));
  }

  absl::Status RunOnce() {
    progressed_ = false;
    grpc::ClientContext call;
    Interrupt::Scope scope(context_.interrupt, [&call] { call.TryCancel(); });
    if (options_.event_limit > 0) request_.set_limit(options_.event_limit - printed_);
    auto reader = context_.client.streams().TailEvents(&call, request_);
    v1::TailEventsResponse batch;
    while (reader->Read(&batch)) {
      if (!Take(batch)) {
        call.TryCancel();
        break;
      }
    }
    while (reader->Read(&batch)) {
    }
    absl::Status status = FromGrpcStatus(reader->Finish());
    bool complete = options_.event_limit > 0 && printed_ >= options_.event_limit;
    return complete ? absl::OkStatus() : status;
  }

  // False: this tail is over.
  bool Take(const v1::TailEventsResponse& batch) {
    if (away_) context_.Tell("the server is back");
    away_ = false;
    progressed_ = true;
    // Before they are printed: they stand in front of what follows in order.
    if (batch.late_events_size() > 0) {
      context_.Tell(absl::StrCat("late: ", Posts(batch.late_events())));
    }
    if (!context_.Print(TextOf(batch))) {
      output_failed_ = true;
      return false;
    }
    for (const v1::StreamNotice& notice : batch.notices()) {
      context_.Tell(absl::StrCat("notice: ", EscapeForTerminal(notice.message())));
    }
    printed_ += static_cast<uint64_t>(batch.events_size() + batch.late_events_size());
    request_.set_cursor(batch.position().cursor());
    if (batch.position().has_watermark_time()) {
      watermark_ = ToTime(batch.position().watermark_time());
    }
    store_status_ = StoreCursor(false);
    return store_status_.ok();
  }

  std::string TextOf(const v1::TailEventsResponse& batch) const {
    std::string text;
    for (v1::Event event : batch.late_events()) {
      event.set_late(true);
      absl::StrAppend(&text, LineOf(event), "\n");
    }
    for (const v1::Event& event : batch.events()) absl::StrAppend(&text, LineOf(event), "\n");
    return text;
  }

  std::string LineOf(const v1::Event& event) const {
    if (options_.envelope) return ToJson(event, false);
    if (!context_.wants_table()) return PayloadLine(event);
    const int width = context_.terminal.width;
    const std::string line = RenderEventLine(event, request_.order(), std::max(20, width - 60));
    return context_.terminal.interactive ? Truncate(line, width) : line;
  }

  // What the next lines are.
  static std::string Posts(const google::protobuf::RepeatedPtrField<v1::Event>& events) {
    constexpr int kNamedMax = 10;
    std::string text =
        absl::StrCat(events.size(), events.size() == 1 ? " event" : " events", " out of order:");
    for (int i = 0; i < std::min(kNamedMax, events.size()); ++i) {
      absl::StrAppend(&text, " ", events[i].id());
    }
    return events.size() > kNamedMax ? text + " …" : text;
  }

  absl::Status StoreCursor(bool at_once) {
    if (options_.cursor_file.empty()) return absl::OkStatus();
    return cursor_file_.Write(request_.cursor(), fileno(context_.terminal.out), at_once);
  }

  const TailOptions& options_;
  CommandContext& context_;
  CursorFile cursor_file_;
  v1::TailEventsRequest request_;
  uint64_t printed_ = 0;
  bool progressed_ = false;
  bool away_ = false;
  bool cursor_refused_ = false;
  bool output_failed_ = false;
  absl::optional<absl::Time> watermark_;
  absl::Status store_status_;
};

std::string CheckLimit(const std::string& text) {
  uint64_t limit = 0;
  if (absl::SimpleAtoi(text, &limit) && limit > 0 && text[0] != '+') return "";
  return absl::StrCat("\"", text, "\" is no number of events; give 1 or more");
}

std::string CheckFrom(const std::string& text) {
  if (text.empty()) return RefuseEmpty(text);
  return std::string(ParseFrom(text, absl::UnixEpoch()).status().message());
}

void AddOptions(CLI::App* tail, TailOptions* options) {
  tail->add_option("--order", options->order,
                   "arrival: as it comes. creation: sorted by creation time and complete, held "
                   "back to the watermark; what turns up later is told as late")
      ->check(CLI::IsMember({"arrival", "creation"}));
  CLI::Option* from = tail->add_option("--from", options->from,
                                       "earliest, now, a sequence, -15m, or a time that is past "
                                       "(default: now)")
                          ->check(CheckFrom);
  CLI::Option* cursor =
      tail->add_option("--cursor", options->cursor, "Resume where an earlier tail ended")
          ->check(RefuseEmpty)
          ->excludes(from);
  tail->add_option("--cursor-file", options->cursor_file,
                   "Go on at the cursor in it, where it exists (else --from); kept up to date")
      ->check(RefuseEmpty)
      ->excludes(cursor);
  tail->add_option("-n,--limit", options->event_limit, "Stop after so many events")
      ->check(CheckLimit);
  tail->add_flag("--stop-at-end", options->stop_at_end,
                 "Stop at the end of the log; with --order creation at the watermark");
  tail->add_flag("--envelope", options->envelope,
                 "The whole event as JSON: sequence, times, sightings, payload in base64");
  tail->add_flag("--no-reconnect", options->no_reconnect, "End when the server goes away");
}

}  // namespace

void AddTailCommands(CommandTree& tree) {
  auto options = std::make_shared<TailOptions>();
  CLI::App* tail =
      tree.Add({"tail",
                "Prints events as they arrive, or in the order they were created",
                {"braid tail                                      # live, one line per post",
                 "braid tail --from -15m -o jsonl | jq .data.text # posts as X sent them",
                 "braid tail --from earliest --stop-at-end -o jsonl > all.jsonl",
                 "braid tail --order creation --from -1h --stop-at-end -o jsonl > hour.jsonl",
                 "while ! braid tail --cursor-file at -o jsonl >> posts.jsonl; do sleep 1; done",
                 "braid tail --cursor AbC123                      # where an earlier one ended", "",
                 "At every end stderr closes with \"braid: cursor: CURSOR resume: COMMAND\".",
                 "With --cursor-file nothing is skipped; after a kill a second is repeated."},
                "-o json and jsonl: each post as X sent it, one a line;\n"
                "  --envelope: one braid.v1.Event a line",
                "0 also after Ctrl-C; 1 where the output can not be written"},
               [options](CommandContext& context) { return Tailer(*options, context).Run(); });
  AddOptions(tail, options.get());
}

}  // namespace braid
