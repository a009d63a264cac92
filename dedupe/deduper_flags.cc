#include "dedupe/deduper_flags.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace braid {

DeduperFlags ParseDeduperFlags(int argc, char** argv, absl::optional<int>* exit_code) {
  DeduperFlags flags;
  CLI::App app("Merges redundant connections to one X stream into one durable log.",
               "braid-deduper");
  app.add_option("--config", flags.config_file, "YAML file")->envname("BRAID_CONFIG");
  app.add_flag("--check-config", flags.check_config, "Check the file and exit");
  app.add_flag("--init", flags.init, "Make the data directories and exit");
  app.add_option("--log-level", flags.log_level, "debug, info, warn, error")
      ->envname("BRAID_LOG_LEVEL")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  app.add_option("--log-format", flags.log_format, "auto, text, json, logfmt")
      ->envname("BRAID_LOG_FORMAT")
      ->check(CLI::IsMember({"auto", "text", "json", "logfmt"}));
  app.add_option("--ready-file", flags.ready_file, "Written once serving: the ports as JSON")
      ->envname("BRAID_READY_FILE");
  app.add_flag("--version", flags.version, "Print the version and exit");
  try {
    app.parse(argc, argv);
    if (flags.config_file.empty() && !flags.version) throw CLI::RequiredError("--config");
  } catch (const CLI::ParseError& error) {
    *exit_code = app.exit(error) == 0 ? 0 : 2;
  }
  return flags;
}

absl::Status WriteReadyFile(const std::string& path, int grpc_port, int http_port) {
  std::string text =
      absl::StrCat("{\"grpc_port\":", grpc_port, ",\"http_port\":", http_port, "}\n");
  std::string aside = path + ".tmp";
  FILE* file = std::fopen(aside.c_str(), "w");
  bool written = file != nullptr && std::fputs(text.c_str(), file) >= 0;
  written = file != nullptr && std::fclose(file) == 0 && written;
  if (written && std::rename(aside.c_str(), path.c_str()) == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("can not write ", path, ": ", std::strerror(errno)));
}

}  // namespace braid
