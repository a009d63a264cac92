// The seam for randomness: seeded from the OS in production, from the seed in
// the simulator. Not thread-safe; one per loop.

#ifndef BRAID_BASE_RANDOM_H_
#define BRAID_BASE_RANDOM_H_

#include <cstdint>

namespace braid {

class Random {
 public:
  virtual ~Random() = default;

  virtual uint64_t Next() = 0;

  // Uniform in [0, bound). REQUIRES: bound > 0.
  uint64_t Below(uint64_t bound) { return Next() % bound; }

  // Uniform in [0, 1).
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
};

// SplitMix64: passes BigCrush, one word of state, the same on every platform.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}

  uint64_t Next() override {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
};

// A seed from the operating system.
uint64_t OsSeed();

}  // namespace braid

#endif  // BRAID_BASE_RANDOM_H_
