// How far a counter of a process has grown since the demo began: one that stood
// somewhere before, and one that begins anew with its process. Pure.

#ifndef BRAID_DEPLOY_GROWING_COUNT_H_
#define BRAID_DEPLOY_GROWING_COUNT_H_

namespace braid::demo {

class GrowingCount final {
 public:
  void See(double value) {
    growth_ += value < last_ ? value : value - last_;
    last_ = value;
  }

  // Only what comes from here on counts.
  void Begin() { growth_ = 0; }

  double growth() const { return growth_; }
  // As seen last: for when there is nothing to see.
  double last() const { return last_; }

 private:
  double last_ = 0;
  double growth_ = 0;
};

}  // namespace braid::demo

#endif  // BRAID_DEPLOY_GROWING_COUNT_H_
