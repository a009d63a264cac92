// Checks of what a stream's configuration says about consumption, volume and
// lag; sets the defaults. Pure; any thread.

#ifndef BRAID_BASE_CONFIG_WATCH_H_
#define BRAID_BASE_CONFIG_WATCH_H_

#include <string>

#include "base/config_report.h"
#include "braid/config/v1/config.pb.h"

namespace braid {

// `path`: of the stream, "streams[0]".
void CheckWatchConfig(const std::string& path, config::v1::StreamConfig& stream,
                      ConfigReport* report);

}  // namespace braid

#endif  // BRAID_BASE_CONFIG_WATCH_H_
