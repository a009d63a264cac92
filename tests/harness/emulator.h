// x-emulator as a process: flags, control endpoint, truth file.
//
// Threads: as Process.

#ifndef BRAID_TESTS_HARNESS_EMULATOR_H_
#define BRAID_TESTS_HARNESS_EMULATOR_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/emulator/truth.h"
#include "tests/harness/daemon.h"

namespace braid::harness {

struct EmulatorOptions {
  std::string dir;
  std::string host = "127.0.0.1";
  // Posts a second, from the start.
  double rate = 1000;
  uint64_t seed = 1;
  int post_bytes = 2048;
  double duplicate_fraction = 0.001;
  // All bodies at the start, not when first needed.
  bool is_rendered_ahead = false;
  // Few enough to start at once.
  int body_count = 2000;
  bool has_truth = true;
  bool gzip = false;
  absl::Duration keep_alive = absl::Seconds(20);
  // Of a peer that acknowledges nothing.
  absl::Duration client_timeout = absl::Seconds(30);
  // More than X's two, so that a killed connector is never refused for the slot
  // of its own dead connection: tests of slots are the connector's.
  int slots = 16;
  // Filled with posts at the rate when it starts.
  absl::Duration past;
  // NAME=VALUE each: of `x-emulator --set`.
  std::vector<std::string> settings;
};

// Ways in which X ends a stream.
enum class CutKind { kMessage, kZeroChunk, kTruncated, kReset };
inline constexpr CutKind kAllCutKinds[] = {CutKind::kMessage, CutKind::kZeroChunk,
                                           CutKind::kTruncated, CutKind::kReset};
absl::string_view CutName(CutKind kind);

struct EmulatorStatus {
  uint64_t created = 0;
  // Over all connections.
  uint64_t sent = 0;
  // By connections that are open.
  uint64_t sent_bytes = 0;
  uint64_t backlog_bytes = 0;
  // Posts that are due and not yet created.
  uint64_t owed = 0;
  // Streams of posts so far.
  uint64_t streams_begun = 0;
};

class Emulator final {
 public:
  explicit Emulator(const EmulatorOptions& options);

  // Writes the token file too.
  [[nodiscard]] absl::Status Start();
  // SIGTERM: completes the truth file.
  [[nodiscard]] absl::Status Stop();

  Process& process() { return daemon_.process(); }
  const std::string& token_file() const { return token_file_; }
  // REQUIRES: started. A connection's name is its tag in the truth.
  std::string StreamUrl(absl::string_view connection) const;

  [[nodiscard]] absl::StatusOr<EmulatorStatus> Status() const;
  // Nothing due, nothing waiting for a connection.
  bool IsIdle() const;

  // Each fails when no connection has that name..
  [[nodiscard]] absl::Status Cut(absl::string_view connection, CutKind kind);
  // All connections end at once, with what X held for them thrown away, and new
  // streams are refused for so long. What is asked of the past is not.
  [[nodiscard]] absl::Status Outage(const std::vector<std::string>& connections,
                                    absl::Duration length);
  // X leaves out the connection's next posts, and sends them as backfill.
  [[nodiscard]] absl::Status Drop(absl::string_view connection, uint64_t posts);
  [[nodiscard]] absl::Status BlackHole(absl::string_view connection, absl::Duration length);
  [[nodiscard]] absl::Status SendRaw(absl::string_view connection, const std::string& bytes);
  // One of the emulator's kinds of bad input ("deep-json", "endless-line", ...).
  [[nodiscard]] absl::Status SendBad(absl::string_view connection, absl::string_view kind);
  [[nodiscard]] absl::Status SetRate(double posts_per_second);

  // As far as it was written: at most 100 ms behind while it runs.
  [[nodiscard]] absl::StatusOr<emulator::Truth> ReadTruth() const;

 private:
  [[nodiscard]] absl::StatusOr<std::string> Control(const std::string& target,
                                                    const std::string& body = "") const;

  const EmulatorOptions options_;
  const std::string token_file_;
  const std::string truth_file_;
  Daemon daemon_;
};

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_EMULATOR_H_
