#include "tests/harness/expectation.h"

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

}  // namespace braid::harness
