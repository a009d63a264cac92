#include "ingest/connector_flags.h"

#include <CLI/CLI.hpp>
#include <map>

namespace braid {

ConnectorFlags ParseConnectorFlags(int argc, char** argv, absl::optional<int>* exit_code) {
  ConnectorFlags flags;
  CLI::App app("Streams one connection to X and offers everything to the dedupers.",
               "braid-connector");
  app.add_option("--config", flags.config_file, "YAML file")->envname("BRAID_CONFIG");
  app.add_flag("--check-config", flags.check_config, "Check the file and exit");
  app.add_option("--log-level", flags.log_level, "debug, info, warn, error")
      ->envname("BRAID_LOG_LEVEL")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  app.add_option("--log-format", flags.log_format, "auto, text, json, logfmt")
      ->envname("BRAID_LOG_FORMAT")
      ->check(CLI::IsMember({"auto", "text", "json", "logfmt"}));
  app.add_option("--ready-file", flags.ready_file, "Written once running: the port as JSON")
      ->envname("BRAID_READY_FILE");
  app.add_flag("--version", flags.version, "Print the version and exit");
  try {
    app.parse(argc, argv);
    if (flags.config_file.empty() && !flags.version) throw CLI::RequiredError("--config");
  } catch (const CLI::ParseError& error) {
    // 2 is "usage" for all of Braid's programs.
    *exit_code = app.exit(error) == 0 ? 0 : 2;
  }
  return flags;
}

LogOptions ConnectorLogOptions(const ConnectorFlags& flags, const config::v1::LogConfig& config) {
  using Format = LogOptions::Format;
  const std::map<std::string, LogLevel> levels = {{"debug", LogLevel::kDebug},
                                                  {"info", LogLevel::kInfo},
                                                  {"warn", LogLevel::kWarn},
                                                  {"error", LogLevel::kError}};
  const std::map<std::string, Format> formats = {{"auto", Format::kAuto},
                                                 {"text", Format::kText},
                                                 {"json", Format::kJson},
                                                 {"logfmt", Format::kLogfmt}};
  LogOptions options;
  options.component = "connector";
  auto level = levels.find(flags.log_level.empty() ? config.level() : flags.log_level);
  if (level != levels.end()) options.level = level->second;
  auto format = formats.find(flags.log_format.empty() ? config.format() : flags.log_format);
  if (format != formats.end()) options.format = format->second;
  return options;
}

}  // namespace braid
