// The end of a daemon: its parts hand over what they have, for a bounded time.
//
// Threads: the loop's, which outlives it.

#ifndef BRAID_BASE_DRAIN_H_
#define BRAID_BASE_DRAIN_H_

#include <cstddef>

#include "absl/functional/any_invocable.h"
#include "base/loop.h"
#include "base/owner.h"

namespace braid {

class DrainWait {
 public:
  explicit DrainWait(Loop& loop) : loop_(loop) {}

  // `done` runs once when every part has said so, or after 4 s. False, and
  // nothing happens, when it has begun before.
  bool Begin(size_t parts, absl::AnyInvocable<void()> done);
  // What a part is to call, once.
  absl::AnyInvocable<void()> PartDone();
  bool has_begun() const { return has_begun_; }

 private:
  void Finish();

  Loop& loop_;
  bool has_begun_ = false;
  size_t parts_left_ = 0;
  absl::AnyInvocable<void()> done_;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_BASE_DRAIN_H_
