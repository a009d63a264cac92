#include "base/drain.h"

#include <utility>

#include "base/log.h"

namespace braid {
namespace {

// systemd and Kubernetes are told 5 s; the rest is for ending.
constexpr absl::Duration kDrainMax = absl::Seconds(4);

}  // namespace

bool DrainWait::Begin(size_t parts, absl::AnyInvocable<void()> done) {
  if (std::exchange(has_begun_, true)) return false;
  parts_left_ = parts;
  done_ = std::move(done);
  loop_.After(kDrainMax, owner_.Wrap([this] {
    Log(LogLevel::kWarn, "drain_cut", "not everything is acknowledged: the spool keeps it");
    Finish();
  }));
  return true;
}

absl::AnyInvocable<void()> DrainWait::PartDone() {
  return owner_.Wrap([this] {
    if (--parts_left_ == 0) Finish();
  });
}

void DrainWait::Finish() {
  if (done_) std::exchange(done_, nullptr)();
}

}  // namespace braid
