// Where the checks of one configuration file say what is wrong with a value: each
// problem with its key, its place and the remedy, and each value once. What the
// loader, or an earlier check, has said of a value is not said again.
//
// Single-threaded. Owns nothing; source and problems outlive it.

#ifndef BRAID_BASE_CONFIG_REPORT_H_
#define BRAID_BASE_CONFIG_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/config_loader.h"
#include "base/config_ranges.h"

namespace braid {

class ConfigReport final {
 public:
  ConfigReport(const ConfigSource& source, ConfigProblems* problems)
      : source_(source), problems_(*problems) {}

  // Paths as in ConfigSource.
  bool Has(const std::string& path) const { return source_.Has(path); }
  // Of this value: it is there, and something was said of it.
  bool IsReported(const std::string& path) const;

  void Error(const std::string& path, absl::string_view text);
  void Warn(const std::string& path, absl::string_view text);

  // An error: the key is not there, or there is nothing in it.
  void Missing(const std::string& path, absl::string_view remedy);

  // Sets `value_if_unset` where there is none; an error unless it is a choice.
  void Choice(const std::string& path, std::string* value, absl::string_view value_if_unset,
              const std::vector<std::string>& choices);

  // The value; the range's own where there is none or, with an error, it is
  // outside.
  uint64_t Ranged(const std::string& path, uint64_t value, const ConfigRange& range);

 private:
  const ConfigSource& source_;
  ConfigProblems& problems_;
};

}  // namespace braid

#endif  // BRAID_BASE_CONFIG_REPORT_H_
