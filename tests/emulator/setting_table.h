// Every setting by its name: for `x-emulator --set NAME=VALUE` and the control
// command /set?NAME=VALUE. Threads: the emulator's loop, or before it runs.

#ifndef BRAID_TESTS_EMULATOR_SETTING_TABLE_H_
#define BRAID_TESTS_EMULATOR_SETTING_TABLE_H_

#include <string>

#include "absl/status/status.h"
#include "tests/emulator/event_maker.h"
#include "tests/emulator/x_settings.h"

namespace braid::emulator {

struct SettingTargets {
  XSettings* x = nullptr;
  EventMix* mix = nullptr;
};

absl::Status ApplySetting(const std::string& name, const std::string& value,
                          const SettingTargets& targets);
// One line per setting: name, what it means.
std::string SettingHelp();

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_SETTING_TABLE_H_
