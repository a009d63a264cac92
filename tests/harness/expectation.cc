#include "tests/harness/expectation.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace braid::harness {
namespace {

void Append(const emulator::Truth& truth, const std::vector<emulator::EmissionRange>& ranges,
            std::vector<uint64_t>* ids) {
  for (const emulator::EmissionRange& range : ranges) {
    for (uint64_t i = 0; i < range.count; ++i) {
      ids->push_back(truth.emissions[range.first + i].post_id());
    }
  }
}

// Whether X was asked for what is past (recovery, replay) on it, and not for
// what is new. Source: docs/X-API 2.2, 2.8.
bool AskedForASpan(const emulator::Truth& truth, const emulator::TruthConnection& connection) {
  return std::any_of(truth.requests.begin(), truth.requests.end(),
                     [&](const emulator::TruthRequest& request) {
                       if (request.connection != connection.number) return false;
                       return absl::StrContains(request.line, "start_time=") ||
                              absl::StrContains(request.line, "startTime=") ||
                              absl::StrContains(request.line, "fromDate=");
                     });
}

}  // namespace

bool StayedUp(const emulator::Truth& truth, const emulator::TruthConnection& connection) {
  for (const emulator::TruthConnection& other : truth.connections) {
    if (other.tag == connection.tag && other.number > connection.number) return false;
  }
  return connection.end_kind == emulator::EndKind::kOpen ||
         connection.end_kind == emulator::EndKind::kEmulatorStopped;
}

bool AnyConnection(const emulator::Truth&, const emulator::TruthConnection&) { return true; }

bool NoConnection(const emulator::Truth&, const emulator::TruthConnection&) { return false; }

Expectation Expect(const emulator::Truth& truth, const IsTrusted& is_trusted) {
  Expectation expectation;
  for (const emulator::TruthConnection& connection : truth.connections) {
    Append(truth, connection.sent, &expectation.sent);
    Append(truth, connection.maybe, &expectation.sent);
    if (is_trusted(truth, connection)) Append(truth, connection.sent, &expectation.required);
  }
  return expectation;
}

Expectation ExpectCreated(const emulator::Truth& truth) {
  Expectation expectation;
  size_t first = truth.emissions.size();
  for (const emulator::TruthConnection& connection : truth.connections) {
    if (AskedForASpan(truth, connection)) continue;
    for (const emulator::EmissionRange& range : connection.sent) {
      first = std::min(first, static_cast<size_t>(range.first));
    }
  }
  for (size_t i = 0; i < truth.emissions.size(); ++i) {
    expectation.sent.push_back(truth.emissions[i].post_id());
    if (i >= first) expectation.required.push_back(truth.emissions[i].post_id());
  }
  return expectation;
}

}  // namespace braid::harness
