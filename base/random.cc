#include "base/random.h"

#include <random>

namespace braid {

uint64_t OsSeed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

}  // namespace braid
