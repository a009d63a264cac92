#include "dedupe/resume_turns.h"

#include <algorithm>

#include "dedupe/drain_grants.h"

namespace braid {

absl::Duration ResumeTurn(const std::string& connection,
                          const std::vector<SourceSnapshot>& sources) {
  auto own = std::find_if(sources.begin(), sources.end(), [&](const SourceSnapshot& source) {
    return source.source_id == connection;
  });
  if (own == sources.end()) return absl::ZeroDuration();
  auto before = std::count_if(sources.begin(), own, [&](const SourceSnapshot& source) {
    return source.connected && ShareAPartition(*own, source);
  });
  return kResumeGap * before;
}

}  // namespace braid
