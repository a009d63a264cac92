// braid usage: what X bills, by day or by rule.

#include <memory>
#include <string>

#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/usage_text.h"

namespace braid {
namespace {

struct UsageOptions {
  int days = 31;
  std::string by = "day";
};

int RunUsage(const UsageOptions& options, CommandContext& context) {
  absl::StatusOr<std::string> stream = context.client.StreamName();
  if (!stream.ok()) return context.Fail(stream.status());
  v1::GetUsageRequest request;
  request.set_stream(*stream);
  request.set_days(options.days);
  request.set_by_tag(options.by == "tag");
  v1::Usage usage;
  absl::Status status = context.client.Do([&](grpc::ClientContext* call) {
    return context.client.admin().GetUsage(call, request, &usage);
  });
  if (!status.ok()) return context.Fail(status);
  if (!context.wants_table()) return context.Finish(context.Json(usage));
  return context.FinishText(request.by_tag() ? RenderUsageByTag(usage) : RenderUsageByDay(usage));
}

}  // namespace

void AddUsageCommands(CommandTree& tree) {
  auto options = std::make_shared<UsageOptions>();
  CLI::App* usage = tree.Add(
      {"usage",
       "Posts that X bills, each once per UTC day",
       {"braid usage", "braid usage --by tag --days 7",
        "braid usage --days 1 -o json | jq '.days[0].counts.posts'"},
       "braid.v1.Usage, e.g. .days[].counts.posts, .limits[].reached",
       ""},
      [options](CommandContext& context) { return RunUsage(*options, context); });
  usage->add_option("--days", options->days, "Newest first, today included")
      ->check(CLI::Range(1, 400));
  usage->add_option("--by", options->by, "day | tag")->check(CLI::IsMember({"day", "tag"}));
}

}  // namespace braid
