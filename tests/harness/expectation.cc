#include "tests/harness/expectation.h"

#include <algorithm>

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
    for (const emulator::EmissionRange& range : connection.sent) {
      first = std::min(first, static_cast<size_t>(range.first));
    }
  }
  for (size_t i = first; i < truth.emissions.size(); ++i) {
    expectation.required.push_back(truth.emissions[i].post_id());
  }
  expectation.sent = expectation.required;
  return expectation;
}

}  // namespace braid::harness
