#include "dedupe/missed_estimate.h"

#include <algorithm>
#include <cmath>

namespace braid {
namespace {

// Half-width of a 90 % interval of a normal distribution.
constexpr double kNinety = 1.645;

}  // namespace

double MissedEstimate::low() const { return std::max(0.0, value - kNinety * std::sqrt(variance)); }

double MissedEstimate::high() const { return value + kNinety * std::sqrt(variance); }

void MissedEstimate::Add(const MissedEstimate& other) {
  value += other.value;
  variance += other.variance;
}

MissedEstimate Chapman(uint64_t only_first, uint64_t only_second, uint64_t both) {
  double a = static_cast<double>(only_first);
  double b = static_cast<double>(only_second);
  double m = static_cast<double>(both);
  // (n1 + 1)(n2 + 1) / (m + 1) - 1 less what is known, and Seber's variance.
  MissedEstimate estimate;
  estimate.value = a * b / (m + 1);
  estimate.variance = (m + a + 1) * (m + b + 1) * a * b / ((m + 1) * (m + 1) * (m + 2));
  return estimate;
}

MissedEstimate Chao(int connections, uint64_t by_one, uint64_t by_two) {
  double share = (connections - 1.0) / connections;
  double f1 = static_cast<double>(by_one);
  double f2 = static_cast<double>(by_two);
  // The bias-corrected form, which needs no event that two brought.
  double below = f2 + 1;
  double pairs = f1 * std::max(0.0, f1 - 1);
  MissedEstimate estimate;
  estimate.value = share * pairs / (2 * below);
  double spread = f1 == 0 ? 0 : f1 * (2 * f1 - 1) * (2 * f1 - 1) / (4 * below * below);
  double weight = pairs * pairs * f2 / (4 * below * below * below * below);
  // A single event that only one brought says nothing of what nobody did.
  if (f1 > 1) estimate.variance = estimate.value + share * share * (spread + weight);
  return estimate;
}

MissedEstimate AloneMissed(uint64_t brought, uint64_t compared, uint64_t missed) {
  MissedEstimate estimate;
  double kept = static_cast<double>(compared - missed);
  // It brings nothing of it: what is missing shows in the count of all tags.
  if (kept == 0) return estimate;
  double events = static_cast<double>(brought);
  estimate.value = events * static_cast<double>(missed) / kept;
  // Chance there, and chance where its rate was learned.
  estimate.variance = estimate.value * (1 + events / kept);
  return estimate;
}

}  // namespace braid
