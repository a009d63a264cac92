#include "dedupe/core_clock.h"

#include <algorithm>
#include <cstdlib>

namespace braid {

std::vector<int64_t> EstimateXTime(const std::map<std::string, SessionTable::Sessions>& sources,
                                   int64_t now_micros) {
  std::vector<int64_t> out;
  for (const auto& [source_id, sessions] : sources) {
    if (sessions.empty()) continue;
    const store::v1::SessionState& newest = sessions.rbegin()->second;
    int64_t age = now_micros - newest.last_receive_now_micros();
    if (newest.last_receive_micros() == 0 || age > kFreshMicros) continue;
    out.push_back(newest.last_receive_micros() + std::max<int64_t>(age, 0));
  }
  return out;
}

absl::optional<int64_t> AgreedXTime(std::vector<int64_t> estimates, int64_t now_micros) {
  std::sort(estimates.rbegin(), estimates.rend());
  for (size_t i = 0; i + 1 < estimates.size(); ++i) {
    if (estimates[i] - estimates[i + 1] > kAgreementMicros) continue;
    if (std::llabs(estimates[i] - now_micros) <= kAgreementMicros) return absl::nullopt;
    return estimates[i];
  }
  return absl::nullopt;
}

}  // namespace braid
