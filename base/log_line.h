// One log line as bytes, in each of the three formats. Pure.
// Whatever is in a value, the result is one line: control characters are
// escaped, bytes that are not UTF-8 become U+FFFD.

#ifndef BRAID_BASE_LOG_LINE_H_
#define BRAID_BASE_LOG_LINE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/log.h"

namespace braid {

struct LogLine {
  absl::Time time;
  LogLevel level = LogLevel::kInfo;
  std::string component;
  std::string event;
  std::string message;
  std::vector<LogField> fields;
};

absl::string_view LogLevelName(LogLevel level);

// Without the newline. REQUIRES: format is not kAuto.
std::string FormatLogLine(const LogLine& line, LogOptions::Format format);

}  // namespace braid

#endif  // BRAID_BASE_LOG_LINE_H_
