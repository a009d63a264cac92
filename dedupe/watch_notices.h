// What the watch found, as the notices that readers see. Pure; any thread.

#ifndef BRAID_DEDUPE_WATCH_NOTICES_H_
#define BRAID_DEDUPE_WATCH_NOTICES_H_

#include <string>

#include "absl/time/time.h"
#include "braid/v1/stream_service.pb.h"
#include "dedupe/lag_model.h"
#include "dedupe/usage_limits.h"
#include "dedupe/volume_watch.h"

namespace braid {

v1::StreamNotice UsageNotice(const UsageEvent& event, const UsageLimit& limit);
v1::StreamNotice RulesRemovedNotice(const UsageLimit& limit);
v1::StreamNotice VolumeNotice(const VolumeWatch::Change& change);
// `connection` empty: the stream.
v1::StreamNotice LagNotice(const std::string& connection, const LagModel::Change& change,
                           const store::v1::LagSeries& lag);

}  // namespace braid

#endif  // BRAID_DEDUPE_WATCH_NOTICES_H_
