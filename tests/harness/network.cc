#include "tests/harness/network.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/harness/run_to_end.h"

namespace braid::harness {
namespace {

constexpr char kIp[] = "/sbin/ip";

absl::Status Errno(absl::string_view what) {
  return absl::InternalError(absl::StrCat(what, ": ", strerror(errno)));
}

int OwnNamespace() { return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC); }

// Lets addresses of 127.0.0.0/8 pass over a real device of the namespace that
// the calling thread is in.
absl::Status AllowLoopbackAddresses(const std::string& device) {
  std::string path = absl::StrCat("/proc/sys/net/ipv4/conf/", device, "/route_localnet");
  int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return Errno(path);
  bool written = write(fd, "1", 1) == 1;
  close(fd);
  return written ? absl::OkStatus() : Errno(path);
}

}  // namespace

std::string NetworksUnavailable() {
  if (geteuid() != 0) return "needs root: makes network namespaces";
  if (access(kIp, X_OK) != 0) return "needs ip (Debian package iproute2)";
  return "";
}

absl::StatusOr<std::unique_ptr<Network>> Network::Make(int far_count, const std::string& dir) {
  std::unique_ptr<Network> network(new Network(dir));
  if (unshare(CLONE_NEWNET) != 0) return Errno("unshare");
  network->near_ = OwnNamespace();
  absl::Status made = network->Ip({"link", "set", "lo", "up"}, network->near_);
  if (made.ok())
    made = network->Ip({"addr", "add", NearAddress() + "/32", "dev", "lo"}, network->near_);
  for (int i = 0; made.ok() && i < far_count; ++i) made = network->AddFar(i);
  if (!made.ok()) return made;
  return network;
}

Network::~Network() {
  close(near_);
  for (int fd : far_) close(fd);
}

std::string Network::FarAddress(int index) { return absl::StrCat("127.77.", index, ".1"); }

// One cable: "nearN" on this side, "farN" on the other.
absl::Status Network::AddFar(int index) {
  if (unshare(CLONE_NEWNET) != 0) return Errno("unshare");
  far_.push_back(OwnNamespace());
  std::string near_device = absl::StrCat("near", index);
  std::string far_device = absl::StrCat("far", index);
  absl::Status status = Ip({"link", "add", far_device, "type", "veth", "peer", "name", near_device,
                            "netns", absl::StrCat("/proc/", getpid(), "/fd/", near_)},
                           far_[static_cast<size_t>(index)]);
  if (status.ok()) status = AllowLoopbackAddresses(far_device);
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"link", "set", "lo", "up"}, {"addr", "add", FarAddress(index) + "/32", "dev", "lo"}}) {
    if (status.ok()) status = Ip(command, far_[static_cast<size_t>(index)]);
  }
  if (setns(near_, CLONE_NEWNET) != 0) return Errno("setns");
  if (status.ok()) status = AllowLoopbackAddresses(near_device);
  return status.ok() ? Route(index) : status;
}

// The kernel sends 127.0.0.0/8 to lo; a longer prefix in the same table wins.
absl::Status Network::Route(int index) {
  std::string device[] = {absl::StrCat("near", index), absl::StrCat("far", index)};
  std::string address[] = {NearAddress(), FarAddress(index)};
  int fds[] = {near_, far_[static_cast<size_t>(index)]};
  for (int side = 0; side < 2; ++side) {
    int other = 1 - side;
    for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
             {"link", "set", device[side], "up"},
             {"route", "add", "unicast", address[other] + "/32", "dev", device[side], "table",
              "local", "src", address[side]}}) {
      absl::Status status = Ip(command, fds[side]);
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status Network::Cut(int index) {
  return Ip({"link", "set", absl::StrCat("far", index), "down"}, far_namespace_fd(index));
}

absl::Status Network::Heal(int index) {
  int fd = far_namespace_fd(index);
  absl::Status status = Ip({"link", "set", absl::StrCat("far", index), "up"}, fd);
  if (!status.ok()) return status;
  // Routes went away with the link.
  return Ip({"route", "replace", "unicast", NearAddress() + "/32", "dev",
             absl::StrCat("far", index), "table", "local", "src", FarAddress(index)},
            fd);
}

absl::Status Network::Ip(const std::vector<std::string>& arguments, int namespace_fd) const {
  ProcessOptions options;
  options.name = absl::StrCat("ip ", absl::StrJoin(arguments, " "));
  options.command = {kIp};
  options.command.insert(options.command.end(), arguments.begin(), arguments.end());
  options.output_file = dir_ + "/ip.log";
  options.network_namespace_fd = namespace_fd;
  return RunSuccessfully(std::move(options), absl::Seconds(10));
}

}  // namespace braid::harness
