#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/log_limiter.h"
#include "base/log_line.h"
#include "base/mutex.h"

namespace braid {
namespace {

LogOptions::Format Resolve(LogOptions::Format format) {
  if (format != LogOptions::Format::kAuto) return format;
  return isatty(STDERR_FILENO) == 1 ? LogOptions::Format::kText : LogOptions::Format::kJson;
}

class Logger {
 public:
  Logger() : sink_("braid", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    sink_.set_pattern("%v");
    sink_.set_level(spdlog::level::trace);
    Set(LogOptions());
  }

  void Set(const LogOptions& options) {
    options_ = options;
    options_.format = Resolve(options.format);
  }

  void Write(LogLine line) {
    if (line.level < options_.level) return;
    const absl::optional<uint64_t> suppressed = Admit(line.event);
    if (!suppressed.has_value()) return;
    if (*suppressed > 0) line.fields.emplace_back("suppressed", *suppressed);
    line.component = options_.component;
    const std::string text = FormatLogLine(line, options_.format);
    sink_.log(spdlog::level::info, spdlog::string_view_t(text.data(), text.size()));
    sink_.flush();
  }

 private:
  absl::optional<uint64_t> Admit(absl::string_view event) {
    // The monotonic clock: a wall clock set back must not silence anything.
    const absl::Time now =
        absl::UnixEpoch() + absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
    MutexLock lock(&mu_);
    return limiter_.Admit(event, now);
  }

  // Constant while other threads log (InitLog's rule).
  LogOptions options_;
  // Thread-safe by itself.
  spdlog::logger sink_;

  Mutex mu_;
  LogLimiter limiter_ ABSL_GUARDED_BY(mu_);
};

// The one global of the program: a log line must be possible from anywhere.
// Never destroyed, so that threads may log while the process ends.
Logger& GlobalLogger() {
  static Logger* const logger = new Logger();
  return *logger;
}

std::string NumberText(double number) { return absl::StrCat(number); }

}  // namespace

LogField::LogField(absl::string_view key, int64_t number)
    : key(key), value(absl::StrCat(number)), is_number(true) {}
LogField::LogField(absl::string_view key, uint64_t number)
    : key(key), value(absl::StrCat(number)), is_number(true) {}
// JSON has no infinity: such a value goes out as a string.
LogField::LogField(absl::string_view key, double number)
    : key(key), value(NumberText(number)), is_number(std::isfinite(number)) {}
LogField::LogField(absl::string_view key, absl::Duration duration)
    : LogField(key, absl::ToDoubleSeconds(duration)) {}
LogField::LogField(absl::string_view key, const absl::Status& status)
    : key(key), value(status.ToString()) {}

void Log(LogLevel level, absl::string_view event, absl::string_view message,
         std::initializer_list<LogField> fields) {
  LogLine line;
  line.time = absl::Now();
  line.level = level;
  line.event = std::string(event);
  line.message = std::string(message);
  line.fields = fields;
  GlobalLogger().Write(std::move(line));
}

void InitLog(const LogOptions& options) { GlobalLogger().Set(options); }

}  // namespace braid
