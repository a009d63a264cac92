#include "base/once_a_day.h"

#include <algorithm>
#include <cmath>

namespace braid {
namespace {

constexpr double kSecondsPerDay = 86400;

}  // namespace

absl::Duration OnceADaySilence(double rate, absl::Duration least) {
  rate = std::max(rate, std::exp(1.0) / kSecondsPerDay);
  return std::max(least, absl::Seconds(std::log(kSecondsPerDay * rate) / rate));
}

}  // namespace braid
