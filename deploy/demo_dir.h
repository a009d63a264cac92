// What demos that were killed left in /tmp.
//
// Threads: one.

#ifndef BRAID_DEPLOY_DEMO_DIR_H_
#define BRAID_DEPLOY_DEMO_DIR_H_

#include <string>

#include "absl/time/time.h"

namespace braid::demo {

// Removes directories ROOT/braid-demo-XXXXXX that no demo holds the lock of and
// that were made before `before`: a new one may not have taken its lock yet.
void RemoveLeftOvers(const std::string& root, absl::Time before);

}  // namespace braid::demo

#endif  // BRAID_DEPLOY_DEMO_DIR_H_
