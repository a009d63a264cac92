// x-emulator: X's streams for tests, the demo and benchmarks.

#include <signal.h>
#include <stdio.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "tests/emulator/control_api.h"
#include "tests/emulator/emulator.h"
#include "tests/emulator/scenario.h"
#include "tests/emulator/setting_table.h"

namespace braid::emulator {
namespace {

// Flags as given, before they become options.
struct Flags {
  EmulatorOptions options;
  std::string bearer_token_file;
  std::string ready_file;
  std::string burst;
  std::string basic_auth_file;
  std::string scenario_file;
  std::string start_at;
  std::vector<std::string> settings;
  double past_seconds = 0;
  std::string slow_cut = "message";
  std::string render = "auto";
  double keep_alive_seconds = 20;
  double duration_seconds = 0;
  double clock_offset_seconds = 0;
  double lateness_max_seconds = 0.8;
  double zombie_slot_seconds = 0;
  double client_timeout_seconds = 30;
  double index_delay_seconds = 30;
  bool created_at = true;
};

// Above this rate rendering while sending would be felt.
constexpr double kRenderAtStartRate = 5000;
// Enough frames for a stable ratio, few enough for an instant start.
constexpr int kRatioFrames = 16;

void AddServerFlags(CLI::App* app, Flags* flags) {
  XSettings& server = flags->options.server;
  app->add_option("--listen", flags->options.listen, "Address of the stream")
      ->capture_default_str();
  app->add_option("--control", flags->options.control, "Address of the control endpoint")
      ->capture_default_str();
  app->add_option("--ready-file", flags->ready_file,
                  "Written once serving: {\"port\":N,\"control_port\":N}");
  app->add_option("--bearer-token-file", flags->bearer_token_file,
                  "The token clients must send; without it any is accepted");
  app->add_option("--basic-auth-file", flags->basic_auth_file,
                  "USER:PASSWORD of the Gnip streams; without it any is accepted");
  app->add_option("--set", flags->settings, "NAME=VALUE, repeatable; a wrong name lists all");
  app->add_option("--scenario", flags->scenario_file,
                  "YAML list of steps: {at: 5, do: \"/close?how=zero\"} or {every: ...}");
  app->add_option("--tls-certificate", flags->options.tls_certificate_path,
                  "PEM file; with --tls-key the stream is HTTPS");
  app->add_option("--tls-key", flags->options.tls_key_path, "PEM file");
  app->add_flag("--gzip", server.gzip, "Compress for clients that accept gzip");
  app->add_option("--slots", server.slots, "Connections at a time; more get 429")
      ->capture_default_str();
  app->add_option("--connect-limit", server.connect_limit,
                  "Connect attempts in 15 minutes; 0: shown as 50, not enforced")
      ->capture_default_str();
  app->add_option("--keep-alive", flags->keep_alive_seconds, "Seconds without data until \\r\\n")
      ->capture_default_str();
  app->add_option("--client-buffer", server.stream.client_buffer_bytes,
                  "Bytes that may wait for a slow client before it is cut")
      ->capture_default_str();
  app->add_option("--slow-cut", flags->slow_cut, "How a slow client is cut: message or silent")
      ->check(CLI::IsMember({"message", "silent"}))
      ->capture_default_str();
  app->add_option("--send-buffer", server.send_buffer_bytes,
                  "Kernel send buffer of a connection in bytes; 0: the kernel's choice");
  app->add_option("--zombie-slot", flags->zombie_slot_seconds,
                  "Seconds a slot stays taken after the client went away");
  app->add_option("--client-timeout", flags->client_timeout_seconds,
                  "Seconds until a client that acknowledges nothing is given up")
      ->capture_default_str();
}

void AddPostFlags(CLI::App* app, Flags* flags) {
  EmulatorOptions& options = flags->options;
  app->add_option("--rate", options.rate, "Posts a second")->capture_default_str();
  app->add_option("--burst", flags->burst,
                  "RATE:SECONDS:EVERY, e.g. 20000:5:60: that rate in the last 5 s of every 60 s");
  app->add_option("--duration", flags->duration_seconds, "Seconds until it stops; 0: never")
      ->capture_default_str();
  app->add_option("--seed", options.generator.seed, "Same seed, same bodies")
      ->capture_default_str();
  app->add_option("--bodies", options.body_count, "Distinct bodies")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app->add_option("--mean-bytes", options.generator.mean_bytes, "Mean size of a post")
      ->check(CLI::Range(1200, 4000))
      ->capture_default_str();
  app->add_option("--render", flags->render, "Make bodies at the start, when needed, or by rate")
      ->check(CLI::IsMember({"auto", "start", "lazy"}))
      ->capture_default_str();
  app->add_option("--duplicates", options.mix.duplicates, "Share of posts that repeat a recent one")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app->add_option("--lateness-max", flags->lateness_max_seconds,
                  "Seconds a post may come after the time in its id")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app->add_option("--created-at", flags->created_at, "Do posts carry created_at?")
      ->capture_default_str();
  app->add_option("--newlines", options.generator.newline_fraction,
                  "Share of bodies with a bare newline between members")
      ->check(CLI::Range(0.0, 1.0));
  app->add_option("--clock-offset", flags->clock_offset_seconds,
                  "Seconds X's clock is ahead of this host's");
  app->add_option("--start-at", flags->start_at,
                  "X's clock at the start: 2026-01-31T12:00:00Z; not with --clock-offset");
  app->add_option("--past", flags->past_seconds,
                  "Seconds before the start that are filled with posts at the rate");
  app->add_option("--history", options.history_count_max,
                  "Events that are remembered for backfill, recovery and search")
      ->capture_default_str();
  app->add_option("--truth", options.truth_path,
                  "File of everything created and sent (read it with truth-dump)");
}

void AddRestFlags(CLI::App* app, Flags* flags) {
  RestOptions& rest = flags->options.rest;
  app->add_option("--index-delay", flags->index_delay_seconds,
                  "Seconds until search and counts know a post")
      ->capture_default_str();
  app->add_option("--edge-duplicates", rest.search.edge_duplicate_share,
                  "Share of search pages that begin with the last post of the page before")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app->add_option("--rest-limits", rest.has_limits, "Are requests counted and refused as X does?")
      ->capture_default_str();
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

// False: a file is named and holds nothing.
bool ReadSecret(const std::string& path, std::string* secret) {
  if (path.empty()) return true;
  *secret = std::string(absl::StripAsciiWhitespace(ReadAll(path)));
  return !secret->empty();
}

// Returns what is wrong, or "".
std::string CompleteTimes(Flags* flags) {
  EmulatorOptions& options = flags->options;
  options.past = absl::Seconds(flags->past_seconds);
  for (const std::string& setting : flags->settings) {
    std::pair<std::string, std::string> parts = absl::StrSplit(setting, absl::MaxSplits('=', 1));
    absl::Status status = ApplySetting(parts.first, parts.second, {&options.server, &options.mix});
    if (!status.ok()) return absl::StrCat("--set ", status.message());
  }
  if (!flags->scenario_file.empty()) {
    auto steps = ParseScenario(ReadAll(flags->scenario_file));
    if (!steps.ok()) return std::string(steps.status().message());
    options.scenario = *std::move(steps);
  }
  if (flags->start_at.empty()) return "";
  absl::Time start;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, flags->start_at, &start, &error)) {
    return "--start-at: " + error;
  }
  options.clock_offset = start - absl::Now();
  return "";
}

// Returns what is wrong, or "".
std::string Complete(Flags* flags) {
  EmulatorOptions& options = flags->options;
  options.server.stream.keep_alive = absl::Seconds(flags->keep_alive_seconds);
  options.server.stream.slow_cut_has_message = flags->slow_cut == "message";
  options.server.zombie_slot = absl::Seconds(flags->zombie_slot_seconds);
  options.server.client_timeout = absl::Seconds(flags->client_timeout_seconds);
  options.ids.lateness_max = absl::Seconds(flags->lateness_max_seconds);
  options.ids.seed = options.generator.seed;
  options.generator.has_created_at = flags->created_at;
  options.rest.search.index_delay = absl::Seconds(flags->index_delay_seconds);
  options.clock_offset = absl::Seconds(flags->clock_offset_seconds);
  if (flags->duration_seconds > 0) options.duration = absl::Seconds(flags->duration_seconds);
  if (options.rate < 0) return "--rate must be 0 or more";
  if (!flags->burst.empty() && !ParseBurst(flags->burst, &options.burst)) {
    return "--burst must be RATE:SECONDS:EVERY with SECONDS <= EVERY";
  }
  if (options.tls_certificate_path.empty() != options.tls_key_path.empty()) {
    return "--tls-certificate and --tls-key go together";
  }
  Credentials& credentials = options.server.credentials;
  if (!ReadSecret(flags->bearer_token_file, &credentials.bearer_token)) {
    return "--bearer-token-file: no token in it";
  }
  if (!ReadSecret(flags->basic_auth_file, &credentials.basic)) {
    return "--basic-auth-file: no USER:PASSWORD in it";
  }
  return CompleteTimes(flags);
}

// Whoever waits for the file must never see half of it.
bool WriteReadyFile(const std::string& path, const Emulator& emulator) {
  std::string temporary = path + ".tmp";
  std::ofstream file(temporary);
  file << "{\"port\":" << emulator.port() << ",\"control_port\":" << emulator.control_port()
       << "}\n";
  file.close();
  return file.good() && rename(temporary.c_str(), path.c_str()) == 0;
}

void PrintBodies(Flags* flags, Emulator* emulator) {
  double highest =
      std::max(flags->options.rate, flags->options.burst ? flags->options.burst->rate : 0.0);
  bool at_start =
      flags->render == "start" || (flags->render == "auto" && highest >= kRenderAtStartRate);
  if (at_start) emulator->bodies().RenderAll();
  double ratio = emulator->bodies().CompressionRatio(kRatioFrames);
  std::cerr << "x-emulator: " << flags->options.body_count << " bodies, seed "
            << flags->options.generator.seed << ", zstd-1 ratio of 64 KB frames "
            << static_cast<int>(ratio * 100) / 100.0 << std::endl;
}

Emulator* running = nullptr;

void OnSignal(int) { running->Stop(); }

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("x-emulator: a faithful X, on one thread");
  AddServerFlags(&app, &flags);
  AddPostFlags(&app, &flags);
  AddRestFlags(&app, &flags);
  app.footer(kControlHelp);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  std::string mistake = Complete(&flags);
  if (!mistake.empty()) {
    std::cerr << "x-emulator: " << mistake << std::endl;
    return 2;
  }
  Emulator emulator(flags.options);
  PrintBodies(&flags, &emulator);
  absl::Status started = emulator.Start();
  if (!started.ok()) {
    std::cerr << "x-emulator: " << started << std::endl;
    return 1;
  }
  running = &emulator;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, OnSignal);
  signal(SIGINT, OnSignal);
  std::cerr << "x-emulator: stream on port " << emulator.port() << ", control on port "
            << emulator.control_port() << std::endl;
  if (!flags.ready_file.empty() && !WriteReadyFile(flags.ready_file, emulator)) {
    std::cerr << "x-emulator: can not write " << flags.ready_file << std::endl;
    return 1;
  }
  emulator.Run();
  return 0;
}

}  // namespace
}  // namespace braid::emulator

int main(int argc, char** argv) { return braid::emulator::Main(argc, argv); }
