// braid gap and braid coverage: what is missing, and who covered what.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"
#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/gap_text.h"
#include "cli/job_calls.h"
#include "cli/option_values.h"
#include "cli/patient_watch.h"
#include "cli/text.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

struct FilterOptions {
  v1::GapFilter filter;
  bool all = false;
};

void AddFilter(CLI::App* app, const std::shared_ptr<FilterOptions>& options) {
  v1::GapFilter* filter = &options->filter;
  AddEnumListOption<v1::Gap::State>(
      app, "--state", "open, recovering, recovered, lost, waived, cleared, merged", "STATE_",
      [](const std::string& name, v1::Gap::State* state) {
        return v1::Gap::State_Parse(name, state);
      },
      [filter](v1::Gap::State state) { filter->add_states(state); });
  AddEnumListOption<v1::Gap::Kind>(
      app, "--kind",
      "total-outage, one-sided, volume-drop, buffer-discarded, forwarding-loss, paused", "KIND_",
      [](const std::string& name, v1::Gap::Kind* kind) { return v1::Gap::Kind_Parse(name, kind); },
      [filter](v1::Gap::Kind kind) { filter->add_kinds(kind); });
  AddTimeOption(app, "--from", "Gaps that reach beyond it: 2026-11-20T12:00:00Z, 12:00, -15m",
          [options](absl::Time time) {
            SetTime(time, options->filter.mutable_range()->mutable_start_time());
          });
  AddTimeOption(app, "--to", "Gaps that begin before it", [options](absl::Time time) {
    SetTime(time, options->filter.mutable_range()->mutable_end_time());
  });
  app->add_option_function<uint32_t>(
      "--partition", [options](uint32_t number) { options->filter.set_partition(number); },
      "Of this partition only");
}

v1::GapFilter FilterOf(const FilterOptions& options) {
  v1::GapFilter filter = options.filter;
  if (filter.states().empty() && !options.all) {
    filter.add_states(v1::Gap::STATE_OPEN);
    filter.add_states(v1::Gap::STATE_RECOVERING);
  }
  return filter;
}

// Of the gaps that are open; unset where the server does not tell, or fetches
// nothing again.
absl::optional<GapRecovery> RecoveryOf(const google::protobuf::RepeatedPtrField<v1::Gap>& gaps,
                                       const std::string& stream, CommandContext& context) {
  std::set<std::string> wanted;
  bool has_open = false;
  for (const v1::Gap& gap : gaps) {
    if (gap.state() != v1::Gap::STATE_OPEN) continue;
    has_open = true;
    wanted.insert(gap.recovery_jobs().begin(), gap.recovery_jobs().end());
  }
  if (!has_open) return absl::nullopt;
  v1::GetRecoveryQuotaRequest quota_request;
  quota_request.set_stream(stream);
  v1::RecoveryQuota quota;
  absl::Status status = context.client.Do([&](grpc::ClientContext* call) {
    return context.client.recovery().GetRecoveryQuota(call, quota_request, &quota);
  });
  if (!status.ok()) return absl::nullopt;
  GapRecovery recovery;
  recovery.is_configured = !quota.routes().empty();
  recovery.automatic = quota.automatic();
  v1::ListRecoveryJobsRequest request;
  request.set_parent(stream);
  if (wanted.empty() || !recovery.is_configured) return recovery;
  auto seen = [&](const v1::ListRecoveryJobsResponse& page) {
    for (const v1::RecoveryJob& job : page.recovery_jobs()) {
      if (wanted.count(job.name()) > 0) recovery.jobs[job.name()] = job;
    }
    return recovery.jobs.size() < wanted.size();
  };
  if (!ListJobs(std::move(request), context, seen).ok()) return absl::nullopt;
  return recovery;
}

int RunList(const FilterOptions& options, CommandContext& context) {
  absl::StatusOr<std::string> stream = context.client.StreamName();
  if (!stream.ok()) return context.Fail(stream.status());
  v1::ListGapsRequest request;
  request.set_parent(*stream);
  *request.mutable_filter() = FilterOf(options);
  v1::ListGapsResponse all;
  do {
    v1::ListGapsResponse page;
    absl::Status status = context.client.Do([&](grpc::ClientContext* call) {
      return context.client.gaps().ListGaps(call, request, &page);
    });
    if (!status.ok()) return context.Fail(status);
    all.mutable_gaps()->MergeFrom(page.gaps());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (context.wants_table()) {
    return context.Finish(RenderGaps(all.gaps(), RecoveryOf(all.gaps(), *stream, context),
                                     absl::Now(), context.terminal.text_width()));
  }
  if (context.line.output == CommandLine::Output::kJson) return context.Finish(context.Json(all));
  std::string text;
  for (const v1::Gap& gap : all.gaps()) absl::StrAppend(&text, context.Json(gap));
  return context.Finish(text);
}

struct OneOptions {
  // Or name.
  std::string number;
  std::string reason;
};

void AddNumber(CLI::App* app, const std::shared_ptr<OneOptions>& options) {
  AddNumberedOption(app, "GAP", "Number, as `braid gap ls` shows it", "gaps", &options->number)
      ->required();
}

int Show(const v1::Gap& gap, CommandContext& context) {
  if (!context.wants_table()) return context.Finish(context.Json(gap));
  const std::string stream = gap.name().substr(0, gap.name().find("/gaps/"));
  google::protobuf::RepeatedPtrField<v1::Gap> one;
  *one.Add() = gap;
  return context.Finish(RenderGap(gap, RecoveryOf(one, stream, context), absl::Now(),
                                  context.terminal.text_width()));
}

int RunGet(const OneOptions& options, CommandContext& context) {
  absl::StatusOr<std::string> name = context.client.NameOf("gaps", options.number);
  if (!name.ok()) return context.Fail(name.status());
  v1::GetGapRequest request;
  request.set_name(*name);
  v1::Gap gap;
  absl::Status status = context.client.Do([&](grpc::ClientContext* call) {
    return context.client.gaps().GetGap(call, request, &gap);
  });
  return status.ok() ? Show(gap, context) : context.Fail(status);
}

int RunWaive(const OneOptions& options, CommandContext& context) {
  absl::StatusOr<std::string> name = context.client.NameOf("gaps", options.number);
  if (!name.ok()) return context.Fail(name.status());
  v1::WaiveGapRequest request;
  request.set_name(*name);
  request.set_reason(options.reason);
  v1::Gap gap;
  absl::Status status = context.client.Do([&](grpc::ClientContext* call) {
    return context.client.gaps().WaiveGap(call, request, &gap);
  });
  return status.ok() ? Show(gap, context) : context.Fail(status);
}

// Prints each change of the gaps that match, also over restarts of the deduper.
class GapWatcher {
 public:
  GapWatcher(v1::WatchGapsRequest request, CommandContext& context)
      : request_(std::move(request)), context_(context) {}

  // One call, until it ends.
  absl::StatusOr<bool> Once(absl::Time* last_answer) {
    absl::Status caught_up = CatchUp();
    if (!caught_up.ok()) return caught_up;
    grpc::ClientContext call;
    Interrupt::Scope scope(context_.interrupt, [&call] { call.TryCancel(); });
    auto reader = context_.client.gaps().WatchGaps(&call, request_);
    v1::WatchGapsResponse answer;
    while (is_printed_ && reader->Read(&answer)) {
      *last_answer = absl::Now();
      if (answer.has_gap()) Show(answer.gap());
    }
    if (!is_printed_) call.TryCancel();
    absl::Status status = FromGrpcStatus(reader->Finish());
    if (!is_printed_) return true;
    if (!status.ok()) return status;
    return false;
  }

  bool is_printed() const { return is_printed_; }

 private:
  // A gap that was closed while nobody listened matches no more.
  absl::Status CatchUp() {
    for (const std::string& name : std::set<std::string>(open_)) {
      v1::GetGapRequest request;
      request.set_name(name);
      v1::Gap gap;
      absl::Status status = context_.client.Do([&](grpc::ClientContext* call) {
        return context_.client.gaps().GetGap(call, request, &gap);
      });
      if (!status.ok()) return status;
      Show(gap);
    }
    return absl::OkStatus();
  }

  void Show(const v1::Gap& gap) {
    bool is_open = gap.state() == v1::Gap::STATE_OPEN || gap.state() == v1::Gap::STATE_RECOVERING;
    if (is_open) {
      open_.insert(gap.name());
    } else {
      open_.erase(gap.name());
    }
    std::string text = context_.wants_table()
                           ? WrapLines(RenderGapLine(gap), context_.terminal.text_width())
                           : context_.Json(gap);
    std::string& told = told_[gap.name()];
    if (told == text || !is_printed_) return;
    is_printed_ = context_.Print(text);
    told = std::move(text);
  }

  const v1::WatchGapsRequest request_;
  CommandContext& context_;
  bool is_printed_ = true;
  std::set<std::string> open_;
  // By name: the first call of a new deduper tells all that match again.
  std::map<std::string, std::string> told_;
};

int RunWatch(const FilterOptions& options, CommandContext& context) {
  absl::StatusOr<std::string> stream = context.client.StreamName();
  if (!stream.ok()) return context.Fail(stream.status());
  v1::WatchGapsRequest request;
  request.set_parent(*stream);
  *request.mutable_filter() = FilterOf(options);
  GapWatcher watcher(std::move(request), context);
  absl::Status status = WatchPatiently(
      context, [&watcher](absl::Time* last_answer) { return watcher.Once(last_answer); });
  if (!watcher.is_printed()) return context.WriteFailure();
  if (context.interrupt.triggered()) return kExitOk;
  return context.Fail(status);
}

struct CoverageOptions {
  absl::Duration lookback = absl::Hours(1);
  absl::optional<absl::Time> from;
  absl::optional<absl::Time> to;
  absl::optional<absl::Duration> bucket;
};

int RunCoverage(const CoverageOptions& options, CommandContext& context) {
  absl::StatusOr<std::string> stream = context.client.StreamName();
  if (!stream.ok()) return context.Fail(stream.status());
  v1::QueryCoverageRequest request;
  request.set_parent(*stream);
  absl::Time to = options.to.value_or(absl::Now());
  SetTime(options.from.value_or(to - options.lookback),
          request.mutable_range()->mutable_start_time());
  SetTime(to, request.mutable_range()->mutable_end_time());
  if (options.bucket) SetDuration(*options.bucket, request.mutable_bucket());
  v1::QueryCoverageResponse coverage;
  absl::Status status = context.client.Do([&](grpc::ClientContext* call) {
    return context.client.gaps().QueryCoverage(call, request, &coverage);
  });
  if (!status.ok()) return context.Fail(status);
  return context.Finish(context.wants_table()
                            ? RenderCoverage(coverage, context.terminal.text_width())
                            : context.Json(coverage));
}

void AddCoverage(CommandTree& tree) {
  auto options = std::make_shared<CoverageOptions>();
  CLI::App* app = tree.Add(
      {"coverage",
       "Who covered what: a line of characters per connection, and the merged stream",
       {"braid coverage", "braid coverage --from -6h", "braid coverage --from 12:00 --to 13:00"},
       "braid.v1.QueryCoverageResponse",
       ""},
      [options](CommandContext& context) { return RunCoverage(*options, context); });
  AddTimeOption(app, "--from", "Start: 2026-11-20T12:00:00Z, 12:00, -6h (default: an hour before --to)",
          [options](absl::Time time) { options->from = time; });
  AddTimeOption(app, "--to", "End (default: now)", [options](absl::Time time) { options->to = time; });
  AddDurationOption(app, "--bucket",
                    "What one character stands for, at least 1s (default: a 120th of the range)",
                    [options](absl::Duration bucket) { options->bucket = bucket; });
}

}  // namespace

void AddGapCommands(CommandTree& tree) {
  CLI::App* group = tree.AddGroup("gap", "What is missing");
  auto filter = std::make_shared<FilterOptions>();
  CLI::App* list = tree.Add(
      {"ls",
       "Lists open gaps, or those asked for, newest first",
       {"braid gap ls", "braid gap ls --all --from -24h", "braid gap ls --state lost,waived"},
       "-o json braid.v1.ListGapsResponse; -o jsonl one braid.v1.Gap a line",
       ""},
      [filter](CommandContext& context) { return RunList(*filter, context); }, group);
  AddFilter(list, filter);
  list->add_flag("--all", filter->all, "Closed ones, too");
  auto get = std::make_shared<OneOptions>();
  AddNumber(tree.Add({"get",
                      "Shows one, with its evidence",
                      {"braid gap get 7"},
                      "braid.v1.Gap",
                      ""},
                     [get](CommandContext& context) { return RunGet(*get, context); }, group),
            get);
  auto watched = std::make_shared<FilterOptions>();
  CLI::App* watch = tree.Add(
      {"watch",
       "Prints open gaps and then every change, until Ctrl-C",
       {"braid gap watch", "braid gap watch -o jsonl"},
       "one braid.v1.Gap a line",
       ""},
      [watched](CommandContext& context) { return RunWatch(*watched, context); }, group);
  AddFilter(watch, watched);
  watch->add_flag("--all", watched->all, "Closed ones, too");
  auto waived = std::make_shared<OneOptions>();
  CLI::App* waive = tree.Add(
      {"waive",
       "Accepts the loss: closes the gap for good, and readers in creation order go on",
       {"braid gap waive 7 --reason 'test data'"},
       "braid.v1.Gap",
       ""},
      [waived](CommandContext& context) { return RunWaive(*waived, context); }, group);
  AddNumber(waive, waived);
  waive->add_option("--reason", waived->reason, "For people, at most 200 bytes")
      ->required()
      ->check(RefuseEmpty);
  AddCoverage(tree);
}

}  // namespace braid
