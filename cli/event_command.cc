// braid event: one event of the log, by the id of its post.

#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "cli/why_text.h"
#include "proto/proto_time.h"
#include "proto/reason.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

struct EventOptions {
  uint64_t post_id = 0;
};

int RunGet(const EventOptions& options, CommandContext& context) {
  absl::StatusOr<v1::Event> event = context.client.Event(options.post_id);
  if (!event.ok()) return context.Fail(event.status());
  switch (context.line.output) {
    case CommandLine::Output::kTable:
      return context.Finish(RenderEvent(*event));
    case CommandLine::Output::kJson:
      return context.Finish(context.Json(*event));
    case CommandLine::Output::kJsonl:
      return context.Finish(PayloadLine(*event) + "\n");
  }
  return kExitFailed;
}

// X's clock and this host's are closer.
constexpr absl::Duration kClockErrorMax = absl::Minutes(1);

// Empty where the server can not tell.
std::string CoverOfSecond(uint64_t post_id, CommandContext& context) {
  absl::StatusOr<std::string> stream = context.client.StreamName();
  if (!stream.ok()) return "";
  v1::QueryCoverageRequest request;
  request.set_parent(*stream);
  absl::Time second = absl::FromUnixSeconds(absl::ToUnixSeconds(SnowflakeTime(post_id)));
  if (second > absl::Now() + kClockErrorMax) {
    return "\nBy its id it is to be created in the future: X has no such post yet.\n";
  }
  SetTime(second, request.mutable_range()->mutable_start_time());
  SetTime(second + absl::Seconds(1), request.mutable_range()->mutable_end_time());
  SetDuration(absl::Seconds(1), request.mutable_bucket());
  v1::QueryCoverageResponse cover;
  absl::Status status = context.client.Do([&](grpc::ClientContext* call) {
    return context.client.gaps().QueryCoverage(call, request, &cover);
  });
  if (!status.ok()) return "";
  v1::ListGapsRequest list;
  list.set_parent(*stream);
  *list.mutable_filter()->mutable_range() = request.range();
  v1::ListGapsResponse gaps;
  status = context.client.Do([&](grpc::ClientContext* call) {
    return context.client.gaps().ListGaps(call, list, &gaps);
  });
  return status.ok() ? RenderCoverOfSecond(cover, gaps) : "";
}

int RunWhy(const EventOptions& options, CommandContext& context) {
  absl::StatusOr<v1::Event> event = context.client.Event(options.post_id);
  bool not_in_log = ReasonOf(event.status()).reason == "EVENT_NOT_FOUND";
  // Programs get an event or nothing; people get what is known.
  if (!event.ok() && !(not_in_log && context.wants_table())) return context.Fail(event.status());
  if (!context.wants_table()) {
    event->clear_payload();
    return context.Finish(context.Json(*event));
  }
  absl::StatusOr<v1::StreamStatus> status = context.client.Status();
  if (!status.ok()) return context.Fail(status.status());
  if (!not_in_log) return context.FinishText(RenderWhy(*event, *status));
  std::string known =
      RenderWhyNot(options.post_id, *status, absl::Now(), context.terminal.text_width());
  int code = context.FinishText(known + CoverOfSecond(options.post_id, context));
  return code == kExitOk ? kExitNotFound : code;
}

void AddOne(CommandTree& tree, CLI::App* group, const CommandHelp& help,
            int (*run)(const EventOptions&, CommandContext&)) {
  auto options = std::make_shared<EventOptions>();
  CLI::App* app = tree.Add(
      help, [options, run](CommandContext& context) { return run(*options, context); }, group);
  app->add_option_function<std::string>(
         "ID",
         [options](const std::string& id) {
           if (absl::SimpleAtoi(id, &options->post_id) && options->post_id > 0) return;
           throw CLI::ValidationError(absl::StrCat("\"", id, "\" is no post id: 1 to 19 digits"));
         },
         "Post id")
      ->required();
}

}  // namespace

void AddEventCommands(CommandTree& tree) {
  CLI::App* group = tree.AddGroup("event", "One event");
  AddOne(tree, group,
         {"get",
          "Shows it (-o jsonl: as X sent it)",
          {"braid event get 1453489038376136706", "braid event get 1453489038376136706 -o jsonl"},
          "-o json braid.v1.Event, payload in base64; -o jsonl the post as X sent it",
          ""},
         RunGet);
  AddOne(tree, group,
         {"why",
          "Who delivered it, when, and where it stands",
          {"braid event why 1453489038376136706"},
          "braid.v1.Event without its payload; nothing where it is not in the log",
          "3: it is not in the log; says whether its time was covered"},
         RunWhy);
}

}  // namespace braid
