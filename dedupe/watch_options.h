// From a stream's checked configuration to the options of its watch. Pure; any
// thread.

#ifndef BRAID_DEDUPE_WATCH_OPTIONS_H_
#define BRAID_DEDUPE_WATCH_OPTIONS_H_

#include "braid/config/v1/config.pb.h"
#include "dedupe/stream_watch.h"

namespace braid {

StreamWatch::Options WatchOptions(const config::v1::StreamConfig& config);

}  // namespace braid

#endif  // BRAID_DEDUPE_WATCH_OPTIONS_H_
