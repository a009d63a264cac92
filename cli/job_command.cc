// braid job: what is being fetched again, and what came of it.

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/job_calls.h"
#include "cli/option_values.h"
#include "cli/recovery_text.h"
#include "cli/text.h"

namespace braid {
namespace {

using v1::RecoveryJob;

struct ListOptions {
  v1::ListRecoveryJobsRequest request;
  bool all = false;
};

int RunList(const ListOptions& options, CommandContext& context) {
  absl::StatusOr<std::string> stream = context.client.StreamName();
  if (!stream.ok()) return context.Fail(stream.status());
  v1::ListRecoveryJobsRequest request = options.request;
  request.set_parent(*stream);
  v1::ListRecoveryJobsResponse all;
  absl::StatusOr<bool> has_more =
      ListJobs(std::move(request), context, [&](const v1::ListRecoveryJobsResponse& page) {
        all.mutable_recovery_jobs()->MergeFrom(page.recovery_jobs());
        return options.all;
      });
  if (!has_more.ok()) return context.Fail(has_more.status());
  if (*has_more) context.Tell("there are older ones: --all");
  if (context.wants_table()) {
    return context.Finish(RenderJobs(all.recovery_jobs(), context.terminal.text_width()));
  }
  if (context.line.output == CommandLine::Output::kJson) return context.Finish(context.Json(all));
  std::string text;
  for (const RecoveryJob& job : all.recovery_jobs()) absl::StrAppend(&text, context.Json(job));
  return context.Finish(text);
}

int Show(const RecoveryJob& job, CommandContext& context) {
  return context.Finish(context.wants_table()
                            ? RenderJob(job, absl::Now(), context.terminal.text_width())
                            : context.Json(job));
}

int RunGet(const std::string& number, CommandContext& context) {
  absl::StatusOr<std::string> name = context.client.NameOf("recoveryJobs", number);
  if (!name.ok()) return context.Fail(name.status());
  v1::GetRecoveryJobRequest request;
  request.set_name(*name);
  RecoveryJob job;
  absl::Status status = context.client.Do([&](grpc::ClientContext* call) {
    return context.client.recovery().GetRecoveryJob(call, request, &job);
  });
  return status.ok() ? Show(job, context) : context.Fail(status);
}

int RunCancel(const std::string& number, CommandContext& context) {
  absl::StatusOr<std::string> name = context.client.NameOf("recoveryJobs", number);
  if (!name.ok()) return context.Fail(name.status());
  v1::CancelRecoveryJobRequest request;
  request.set_name(*name);
  RecoveryJob job;
  absl::Status status = context.client.Do([&](grpc::ClientContext* call) {
    return context.client.recovery().CancelRecoveryJob(call, request, &job);
  });
  return status.ok() ? Show(job, context) : context.Fail(status);
}

int RunWatch(const std::string& number, CommandContext& context) {
  absl::StatusOr<std::string> name = context.client.NameOf("recoveryJobs", number);
  if (!name.ok()) return context.Fail(name.status());
  bool is_printed = true;
  absl::StatusOr<RecoveryJob> job =
      FollowJob(*name, context, [&context, &is_printed](const RecoveryJob& changed) {
        const int width = context.terminal.text_width();
        is_printed = context.Print(
            context.wants_table()
                ? WrapLines(JobProgressLine(changed, absl::Now()), width) + "\n"
                : context.Json(changed));
        return is_printed;
      });
  if (!is_printed) return context.WriteFailure();
  if (context.interrupt.triggered()) return kExitOk;
  if (!job.ok()) return context.Fail(job.status());
  if (context.wants_table()) {
    const int code = context.FinishText(RenderJobReport(*job));
    if (code != kExitOk) return code;
  }
  return job->state() == RecoveryJob::STATE_SUCCEEDED ? kExitOk : kExitFailed;
}

int RunQuota(CommandContext& context) {
  absl::StatusOr<std::string> stream = context.client.StreamName();
  if (!stream.ok()) return context.Fail(stream.status());
  v1::GetRecoveryQuotaRequest request;
  request.set_stream(*stream);
  v1::RecoveryQuota quota;
  absl::Status status = context.client.Do([&](grpc::ClientContext* call) {
    return context.client.recovery().GetRecoveryQuota(call, request, &quota);
  });
  if (!status.ok()) return context.Fail(status);
  return context.Finish(context.wants_table() ? RenderQuota(quota) : context.Json(quota));
}

// A command about one job.
void AddOne(CommandTree& tree, CLI::App* group, const CommandHelp& help,
            int (*run)(const std::string& number, CommandContext& context)) {
  auto number = std::make_shared<std::string>();
  CLI::App* app = tree.Add(
      help, [number, run](CommandContext& context) { return run(*number, context); }, group);
  AddNumberedOption(app, "JOB", "Number, as `braid job ls` shows it", "recoveryJobs", number.get())
      ->required();
}

}  // namespace

void AddJobCommands(CommandTree& tree) {
  CLI::App* group = tree.AddGroup("job", "What is fetched again");
  auto options = std::make_shared<ListOptions>();
  CLI::App* list = tree.Add(
      {"ls",
       "Lists the newest hundred recovery jobs, newest first",
       {"braid job ls", "braid job ls --state running,queued", "braid job ls --all -o jsonl"},
       "-o json braid.v1.ListRecoveryJobsResponse; -o jsonl one braid.v1.RecoveryJob a line",
       ""},
      [options](CommandContext& context) { return RunList(*options, context); }, group);
  AddEnumListOption<RecoveryJob::State>(
      list, "--state", "planned, queued, running, cancelling, cancelled, succeeded, failed",
      "STATE_",
      [](const std::string& name, RecoveryJob::State* state) {
        return RecoveryJob::State_Parse(name, state);
      },
      [options](RecoveryJob::State state) { options->request.add_states(state); });
  list->add_flag("--all", options->all, "Older ones, too");
  tree.Add({"quota",
            "Shows what the account may still be asked for today",
            {"braid job quota"},
            "braid.v1.RecoveryQuota",
            ""},
           RunQuota, group);
  AddOne(tree, group,
         {"get",
          "Shows one: steps, routes, what came",
          {"braid job get 12"},
          "braid.v1.RecoveryJob",
          ""},
         RunGet);
  AddOne(tree, group,
         {"watch",
          "Prints every change of one until it has ended",
          {"braid job watch 12", "braid job watch 12 -o jsonl"},
          "one braid.v1.RecoveryJob a line",
          "1: also where it did not succeed"},
         RunWatch);
  AddOne(tree, group,
         {"cancel",
          "Ends one; what was merged stays merged",
          {"braid job cancel 12"},
          "braid.v1.RecoveryJob",
          ""},
         RunCancel);
}

}  // namespace braid
