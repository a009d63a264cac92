// Networks that can be cut: this process in a network namespace of its own (the
// side of X and the dedupers) and, per connector, one more namespace behind a
// virtual cable. Addresses lie in 127.77.0.0/16, routed through the cable
// instead of lo, so that plain text, which Braid allows on loopback only, works
// across it. The host's network is not touched.
//
// Threads: one, the one that starts the processes. Needs root. Everything goes
// away with the process.

#ifndef BRAID_TESTS_HARNESS_NETWORK_H_
#define BRAID_TESTS_HARNESS_NETWORK_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace braid::harness {

// Why this process can not have networks of its own; empty when it can.
std::string NetworksUnavailable();

class Network final {
 public:
  // Moves the calling thread, and so its later children, to a fresh network
  // namespace and makes `far_count` more, each behind its own cable.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Network>> Make(int far_count,
                                                                     const std::string& dir);
  ~Network();

  // Where servers of the near side listen; every far side reaches it, each
  // through its own cable.
  static std::string NearAddress() { return "127.77.255.1"; }
  static std::string FarAddress(int index);
  // For ProcessOptions::network_namespace_fd.
  int far_namespace_fd(int index) const { return far_[static_cast<size_t>(index)]; }

  // Pulls and plugs the cable: packets vanish, nobody gets a reset.
  [[nodiscard]] absl::Status Cut(int index);
  [[nodiscard]] absl::Status Heal(int index);

 private:
  explicit Network(std::string dir) : dir_(std::move(dir)) {}
  absl::Status AddFar(int index);
  absl::Status Route(int index);
  absl::Status Ip(const std::vector<std::string>& arguments, int namespace_fd) const;

  const std::string dir_;
  int near_ = -1;
  std::vector<int> far_;
};

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_NETWORK_H_
