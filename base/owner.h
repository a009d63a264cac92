// Callbacks are never run after their owner. An object that hands out
// callbacks holds an Owner as its last member and wraps each callback with it;
// when the object is destroyed the wrapped callbacks do nothing.
//
// Threads: Wrap, destruction and the wrapped callbacks all happen on one loop.

#ifndef BRAID_BASE_OWNER_H_
#define BRAID_BASE_OWNER_H_

#include <memory>
#include <utility>

namespace braid {

class Owner {
 public:
  Owner() : alive_(std::make_shared<bool>(true)) {}
  ~Owner() { *alive_ = false; }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

  template <typename Callback>
  auto Wrap(Callback callback) const {
    return [alive = alive_, callback = std::move(callback)](auto&&... args) mutable {
      if (*alive) callback(std::forward<decltype(args)>(args)...);
    };
  }

 private:
  std::shared_ptr<bool> alive_;
};

}  // namespace braid

#endif  // BRAID_BASE_OWNER_H_
