// braid rules: what the stream is asked for at X. The deduper passes it on to a
// worker, which has the credentials; this waits for what came of it. The stream
// goes on meanwhile.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/config_rules.h"
#include "base/random.h"
#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/progress_line.h"
#include "cli/rules_text.h"
#include "cli/text.h"

namespace braid {
namespace {

using v1::RuleAction;

constexpr absl::Duration kPollInterval = absl::Milliseconds(250);
// What one task takes; also what keeps a wrong file name from filling memory.
constexpr size_t kFileBytesMax = 64 << 20;

struct RulesOptions {
  RuleAction::Kind kind = RuleAction::KIND_LIST;
  std::vector<std::string> rules;
  std::string tag;
  std::string file;
  bool dry_run = false;
  bool yes = false;
  double wait_seconds = 300;
};

bool IsFinished(const v1::RuleTask& task) {
  return task.state() == v1::RuleTask::STATE_DONE || task.state() == v1::RuleTask::STATE_REFUSED ||
         task.state() == v1::RuleTask::STATE_FAILED;
}

// Every mistake of the file with its place. False when it has any.
bool ReadRuleFile(const std::string& file, const CommandContext& context, RuleAction* action) {
  std::error_code not_known;
  if (std::filesystem::is_directory(file, not_known)) {
    context.Tell(absl::StrCat(file, ": is a directory; name a file"));
    return false;
  }
  std::ifstream in(file, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in.good() && !in.eof()) {
    context.Tell(absl::StrCat(file, ": can not be read"));
    return false;
  }
  if (text.size() > kFileBytesMax) {
    context.Tell(absl::StrCat(file, ": is longer than ", BytesText(kFileBytesMax)));
    return false;
  }
  ConfigProblems problems;
  std::vector<ConfigRule> rules = ParseRuleFile(text, file, &problems);
  for (const ConfigProblem& problem : problems) {
    std::fprintf(context.terminal.err, "%s\n", EscapeForTerminal(problem.ToString()).c_str());
  }
  for (const ConfigRule& rule : rules) {
    v1::Rule* out = action->add_rules();
    out->set_value(rule.value);
    out->set_tag(rule.tag);
  }
  return !HasErrors(problems);
}

bool MakeAction(const RulesOptions& options, const CommandContext& context, RuleAction* action) {
  action->set_kind(options.kind);
  action->set_dry_run(options.dry_run);
  action->set_may_remove_all(options.yes);
  uint64_t id = 0;
  for (const std::string& text : options.rules) {
    v1::Rule* rule = action->add_rules();
    bool is_id = options.kind == RuleAction::KIND_REMOVE && absl::SimpleAtoi(text, &id);
    is_id ? rule->set_id(text) : rule->set_value(text);
    rule->set_tag(options.tag);
  }
  return options.file.empty() || ReadRuleFile(options.file, context, action);
}

absl::StatusOr<v1::RuleTask> Create(const RuleAction& action, CommandContext& context) {
  absl::StatusOr<std::string> stream = context.client.StreamName();
  if (!stream.ok()) return stream.status();
  v1::CreateRuleTaskRequest request;
  request.set_parent(*stream);
  *request.mutable_action() = action;
  SeededRandom random(OsSeed());
  request.set_request_id(absl::StrCat(absl::Hex(random.Next(), absl::kZeroPad16)));
  v1::RuleTask task;
  absl::Status status = context.client.Do([&](grpc::ClientContext* call) {
    return context.client.rules().CreateRuleTask(call, request, &task);
  });
  if (!status.ok()) return status;
  return task;
}

// An unreachable deduper is asked again: the task is durable.
absl::StatusOr<v1::RuleTask> Wait(v1::RuleTask task, absl::Time until, CommandContext& context) {
  ProgressLine progress(context);
  v1::GetRuleTaskRequest request;
  request.set_name(task.name());
  while (!IsFinished(task)) {
    const std::string line = RuleProgressLine(task);
    progress.Show(line, line);
    if (!context.interrupt.Sleep(kPollInterval)) return absl::CancelledError("interrupted");
    absl::Status status = context.client.Do([&](grpc::ClientContext* call) {
      return context.client.rules().GetRuleTask(call, request, &task);
    });
    bool may_pass = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
    if (!status.ok() && !may_pass) return status;
    if (absl::Now() < until) continue;
    if (!status.ok()) return status;
    if (!IsFinished(task)) {
      return absl::AbortedError(absl::StrCat(task.name(), " goes on; it ", RuleProgressLine(task)));
    }
  }
  return task;
}

int Finish(const RulesOptions& options, const v1::RuleTask& task, CommandContext& context) {
  for (const std::string& warning : task.result().warnings()) {
    context.Tell(absl::StrCat("warning: ", EscapeForTerminal(warning)));
  }
  const int width = context.terminal.text_width();
  std::string text;
  if (!context.wants_table()) {
    text = context.Json(task);
  } else if (options.kind == RuleAction::KIND_LIST) {
    text = task.error().empty() ? RenderRules(task.result(), width) : "";
  } else if (task.error().empty() || !task.result().outcomes().empty()) {
    text = WrapLines(RenderRuleOutcomes(task.result()), width);
  }
  if (!context.Print(text)) return context.WriteFailure();
  if (!task.error().empty()) context.Tell(EscapeForTerminal(task.error()));
  bool is_done = task.state() == v1::RuleTask::STATE_DONE;
  return is_done && UnsuccessfulRules(task.result()) == 0 ? kExitOk : kExitFailed;
}

int RunRules(const RulesOptions& options, CommandContext& context) {
  RuleAction action;
  if (!MakeAction(options, context, &action)) return kExitUsage;
  bool needs_rules = options.kind == RuleAction::KIND_ADD ||
                     options.kind == RuleAction::KIND_REMOVE ||
                     options.kind == RuleAction::KIND_VALIDATE;
  if (needs_rules && action.rules().empty()) {
    context.Tell("no rule is given; see braid rules --help");
    return kExitUsage;
  }
  if (options.kind == RuleAction::KIND_SYNC && action.rules().empty() && !options.yes) {
    context.Tell(absl::StrCat(options.file,
                              " has no rules: that would remove every one; --yes if it is meant"));
    return kExitUsage;
  }
  absl::StatusOr<v1::RuleTask> task = Create(action, context);
  if (!task.ok()) return context.Fail(task.status());
  std::string name = task->name();
  task = Wait(*std::move(task), absl::Now() + absl::Seconds(options.wait_seconds), context);
  if (task.ok()) return Finish(options, *task, context);
  if (context.interrupt.triggered()) context.Tell(absl::StrCat(name, " goes on"));
  return context.Fail(task.status());
}

CLI::App* AddOne(CommandTree& tree, CLI::App* group, const CommandHelp& help,
                 const std::shared_ptr<RulesOptions>& options, RuleAction::Kind kind) {
  options->kind = kind;
  CLI::App* app = tree.Add(
      help, [options](CommandContext& context) { return RunRules(*options, context); }, group);
  app->add_option("--wait", options->wait_seconds, "Seconds to wait for the result")
      ->check(CLI::Range(1.0, 3600.0));
  return app;
}

void AddDryRun(CLI::App* app, const std::shared_ptr<RulesOptions>& options) {
  app->add_flag("--dry-run", options->dry_run, "Say what would be done");
}

void AddYes(CLI::App* app, const std::shared_ptr<RulesOptions>& options) {
  app->add_flag("--yes", options->yes, "Also if no rule is left that there is now");
}

const char kJson[] =
    "braid.v1.RuleTask, e.g. .state, .error, .result.outcomes[] {rule, state, reason, message}";
const char kExits[] = "1: X refused a rule, or all of it; 2: also a file with errors";

}  // namespace

void AddRulesCommands(CommandTree& tree) {
  CLI::App* group = tree.AddGroup("rules", "The stream's rules at X");
  auto list = std::make_shared<RulesOptions>();
  AddOne(tree, group,
         {"ls",
          "Lists them",
          {"braid rules ls", "braid rules ls -o json"},
          "braid.v1.RuleTask: .result.rules[]",
          kExits},
         list, RuleAction::KIND_LIST);

  auto add = std::make_shared<RulesOptions>();
  CLI::App* app = AddOne(
      tree, group,
      {"add", "Adds rules", {"braid rules add '(cat OR dog) lang:en' --tag pets"}, kJson, kExits},
      add, RuleAction::KIND_ADD);
  app->add_option("RULE", add->rules, "Value of the rule")->required()->check(RefuseEmpty);
  app->add_option("--tag", add->tag, "Tag of these rules");
  AddDryRun(app, add);

  auto remove = std::make_shared<RulesOptions>();
  app = AddOne(tree, group,
               {"rm", "Removes rules", {"braid rules rm 1165037377523306497"}, kJson, kExits},
               remove, RuleAction::KIND_REMOVE);
  app->add_option("RULE", remove->rules, "Id or value")->required()->check(RefuseEmpty);
  AddDryRun(app, remove);
  AddYes(app, remove);

  auto validate = std::make_shared<RulesOptions>();
  app = AddOne(tree, group,
               {"validate",
                "Asks X whether it would take the rules of a file",
                {"braid rules validate rules.yaml"},
                kJson,
                kExits},
               validate, RuleAction::KIND_VALIDATE);
  app->add_option("FILE", validate->file, "YAML: rules: [{value, tag}]")
      ->required()
      ->check(RefuseEmpty);

  auto sync = std::make_shared<RulesOptions>();
  app = AddOne(tree, group,
               {"sync",
                "Makes them those of a file: adds, then removes",
                {"braid rules sync rules.yaml --dry-run", "braid rules sync rules.yaml"},
                kJson,
                kExits},
               sync, RuleAction::KIND_SYNC);
  app->add_option("FILE", sync->file, "YAML: rules: [{value, tag}]")
      ->required()
      ->check(RefuseEmpty);
  AddDryRun(app, sync);
  AddYes(app, sync);
}

}  // namespace braid
