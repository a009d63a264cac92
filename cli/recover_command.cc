// braid recover: fetches a range or a gap again. The plan is shown before
// anything is asked of X; the job goes on whether or not this waits for it.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"
#include "base/random.h"
#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/job_calls.h"
#include "cli/option_values.h"
#include "cli/progress_line.h"
#include "cli/question.h"
#include "cli/recovery_text.h"
#include "cli/text.h"
#include "proto/proto_time.h"
#include "proto/recovery_terms.h"

namespace braid {
namespace {

// What the server takes.
constexpr absl::Duration kMarginMax = absl::Hours(1);

struct RecoverOptions {
  absl::optional<absl::Time> from;
  absl::optional<absl::Time> to;
  // Number or name; empty: none.
  std::string gap;
  std::vector<uint64_t> posts;
  uint32_t partition = 0;
  std::string method = "auto";
  absl::optional<absl::Duration> margin;
  std::string reason;
  bool dry_run = false;
  bool wait = false;
  bool yes = false;
};

// What is wrong with the options together; empty: nothing.
std::string CheckTogether(const RecoverOptions& options, const Terminal& terminal) {
  const bool has_range = options.from.has_value() && options.to.has_value();
  const bool has_part = options.from.has_value() || options.to.has_value();
  const int ways = !options.gap.empty() + has_part + !options.posts.empty();
  if (ways != 1 || has_range != has_part) {
    return "give --from and --to, or --gap, or --post; see braid recover --help";
  }
  if (has_range && *options.from >= *options.to) {
    return absl::StrCat("--to (", TimeText(*options.to), ") must be after --from (",
                        TimeText(*options.from), ")");
  }
  if (options.dry_run && options.wait) return "--dry-run starts nothing that --wait could wait for";
  if (!options.dry_run && !options.yes && !terminal.can_ask) {
    return "nobody can be asked here: look at the plan with --dry-run, then say --yes";
  }
  return "";
}

absl::StatusOr<v1::CreateRecoveryJobRequest> RequestOf(const RecoverOptions& options,
                                                       CommandContext& context) {
  absl::StatusOr<std::string> stream = context.client.StreamName();
  if (!stream.ok()) return stream.status();
  v1::CreateRecoveryJobRequest request;
  request.set_parent(*stream);
  if (!options.gap.empty()) {
    absl::StatusOr<std::string> gap = context.client.NameOf("gaps", options.gap);
    if (!gap.ok()) return gap.status();
    request.set_gap(*gap);
  } else if (!options.posts.empty()) {
    for (uint64_t id : options.posts) request.add_post_ids(id);
  } else {
    SetTime(*options.from, request.mutable_range()->mutable_start_time());
    SetTime(*options.to, request.mutable_range()->mutable_end_time());
  }
  v1::RecoveryJob::Method method = v1::RecoveryJob::METHOD_UNSPECIFIED;
  v1::RecoveryJob::Method_Parse(EnumNameOf(options.method, "METHOD_"), &method);
  request.set_method(method);
  request.set_partition(options.partition);
  request.set_reason(options.reason);
  if (options.margin.has_value()) SetDuration(*options.margin, request.mutable_margin());
  SeededRandom random(OsSeed());
  request.set_request_id(absl::StrCat(absl::Hex(random.Next(), absl::kZeroPad16)));
  return request;
}

absl::StatusOr<v1::RecoveryJob> Create(v1::CreateRecoveryJobRequest request, bool validate_only,
                                       CommandContext& context) {
  request.set_validate_only(validate_only);
  v1::RecoveryJob job;
  absl::Status status = context.client.Do([&](grpc::ClientContext* call) {
    return context.client.recovery().CreateRecoveryJob(call, request, &job);
  });
  if (!status.ok()) return status;
  return job;
}

int Wait(const v1::RecoveryJob& created, CommandContext& context) {
  absl::StatusOr<v1::RecoveryJob> job = created;
  if (!IsEnded(created.state())) {
    ProgressLine progress(context);
    job = FollowJob(created.name(), context, [&progress](const v1::RecoveryJob& changed) {
      progress.Show(JobProgressLine(changed, absl::Now()), JobProgressStep(changed));
      return true;
    });
  }
  if (!job.ok()) {
    const std::string number = JobNumber(created);
    context.Tell(absl::StrCat("job ", number, " goes on; `braid job watch ", number,
                              "` follows it, `braid job cancel ", number, "` ends it"));
    return context.Fail(job.status());
  }
  const std::string text =
      context.wants_table() ? WrapLines(RenderJobReport(*job), context.terminal.text_width())
                            : context.Json(*job);
  if (!context.Print(text)) return context.WriteFailure();
  return job->state() == v1::RecoveryJob::STATE_SUCCEEDED ? kExitOk : kExitFailed;
}

int RunRecover(const RecoverOptions& options, CommandContext& context) {
  const std::string wrong = CheckTogether(options, context.terminal);
  if (!wrong.empty()) {
    context.Tell(wrong);
    return kExitUsage;
  }
  absl::StatusOr<v1::CreateRecoveryJobRequest> request = RequestOf(options, context);
  if (!request.ok()) return context.Fail(request.status());
  absl::StatusOr<v1::RecoveryJob> plan = Create(*request, /*validate_only=*/true, context);
  if (!plan.ok()) return context.Fail(plan.status());
  const std::string text = RenderJob(*plan, absl::Now(), context.terminal.text_width());
  if (options.dry_run) {
    return context.Finish(context.wants_table() ? text : context.Json(*plan));
  }
  // JSON is the job alone: the plan is for who is asked.
  if (context.wants_table()) {
    if (!context.Print(text)) return context.WriteFailure();
  } else if (!options.yes) {
    std::fputs(text.c_str(), context.terminal.err);
  }
  if (!options.yes && !AskYesNo(context, "Start it?")) {
    context.Tell("nothing was started");
    return context.interrupt.triggered() ? kExitInterrupted : kExitFailed;
  }
  absl::StatusOr<v1::RecoveryJob> job = Create(*request, /*validate_only=*/false, context);
  if (!job.ok()) return context.Fail(job.status());
  if (options.wait) return Wait(*job, context);
  const std::string number = JobNumber(*job);
  return context.Finish(
      context.wants_table()
          ? absl::StrCat("job ", number, " is planned; `braid job watch ", number, "` follows it\n")
          : context.Json(*job));
}

}  // namespace

void AddRecoverCommands(CommandTree& tree) {
  auto options = std::make_shared<RecoverOptions>();
  CLI::App* app = tree.Add(
      {"recover",
       "Fetches a range of creation time, a gap or posts again: shows a plan, then asks",
       {"braid recover --gap 7 --dry-run", "braid recover --gap 7",
        "braid recover --from 12:00 --to 12:14 --wait",
        "braid recover --from -2h --to -1h --method search --yes --wait",
        "braid recover --post 1991234567890123456 --yes --wait"},
       "braid.v1.RecoveryJob: the plan with --dry-run, the job as it ended with --wait",
       "1: X can not be asked any more, the answer was no, or, with --wait, the job did not "
       "succeed;\n  2: also where nobody can be asked and --yes is missing"},
      [options](CommandContext& context) { return RunRecover(*options, context); });
  CLI::Option* from =
      AddTimeOption(app, "--from", "Start of creation time: 2026-11-20T12:00:00Z, 12:00, -2h",
                    [options](absl::Time time) { options->from = time; });
  CLI::Option* to =
      AddTimeOption(app, "--to", "End", [options](absl::Time time) { options->to = time; });
  CLI::Option* gap =
      AddNumberedOption(app, "--gap", "Number, as `braid gap ls` shows it", "gaps", &options->gap)
          ->excludes(from)
          ->excludes(to);
  app->add_option("--post", options->posts,
                  "Id, at most 100 of them: looked up at X (v2 only). Whether a post belongs to "
                  "the stream is not checked")
      ->excludes(from)
      ->excludes(to)
      ->excludes(gap)
      ->check(CLI::Range(uint64_t{1}, uint64_t{9'223'372'036'854'775'807}).description(""));
  app->add_option("--partition", options->partition, "Of this partition only (default: all)");
  app->add_option("--method", options->method,
                  "auto, spool, backfill, recovery, replay, search or lookup: which way")
      ->capture_default_str()
      ->check(
          CLI::IsMember({"auto", "spool", "backfill", "recovery", "replay", "search", "lookup"}));
  AddDurationOption(app, "--margin", "Asked for beyond both ends (default: as configured)",
                    [options](absl::Duration margin) {
                      if (margin < absl::ZeroDuration() || margin > kMarginMax) {
                        throw CLI::ValidationError("--margin is 0s to 1h");
                      }
                      options->margin = margin;
                    });
  app->add_option("--reason", options->reason, "For people, at most 200 bytes");
  app->add_flag("--dry-run", options->dry_run, "Show the plan and start nothing");
  app->add_flag("--wait", options->wait, "Until it has ended; Ctrl-C leaves it running");
  app->add_flag("--yes", options->yes, "Start without asking");
}

}  // namespace braid
