// One line per event on stderr: text for a terminal, JSON or logfmt for
// machines, with the fixed keys ts level event msg and then the fields. Event
// names are stable identifiers (docs/OPERATIONS.md lists them). Control
// characters are escaped; secrets and payloads are never passed in.
//
// Threads: any. Bounds: per event name at most 10 lines a second; what is
// suppressed is counted in the next line of that name (field "suppressed").

#ifndef BRAID_BASE_LOG_H_
#define BRAID_BASE_LOG_H_

#include <cstdint>
#include <initializer_list>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace braid {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

struct LogField {
  LogField(absl::string_view key, absl::string_view value) : key(key), value(value) {}
  LogField(absl::string_view key, const char* value) : key(key), value(value) {}
  LogField(absl::string_view key, const std::string& value) : key(key), value(value) {}
  LogField(absl::string_view key, int64_t number);
  LogField(absl::string_view key, uint64_t number);
  LogField(absl::string_view key, int number) : LogField(key, static_cast<int64_t>(number)) {}
  LogField(absl::string_view key, unsigned number)
      : LogField(key, static_cast<uint64_t>(number)) {}
  LogField(absl::string_view key, double number);
  // Seconds, as a number.
  LogField(absl::string_view key, absl::Duration duration);
  LogField(absl::string_view key, const absl::Status& status);

  std::string key;
  std::string value;
  bool is_number = false;
};

void Log(LogLevel level, absl::string_view event, absl::string_view message,
         std::initializer_list<LogField> fields = {});

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  enum class Format { kAuto, kText, kJson, kLogfmt } format = Format::kAuto;
  // Added to every line: the process's name ("connector", "deduper").
  std::string component;
};

// Before it is called, lines go out with the defaults. Not during use by other
// threads.
void InitLog(const LogOptions& options);

}  // namespace braid

#endif  // BRAID_BASE_LOG_H_
