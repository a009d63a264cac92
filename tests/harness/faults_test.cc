// The faults themselves: a power cut that forgets nothing, or a cable that
// still carries packets, would let every test above it pass.

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "tests/harness/files.h"
#include "tests/harness/network.h"
#include "tests/harness/power.h"

namespace braid::harness {
namespace {

void WriteBytes(const std::string& path, bool sync) {
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ASSERT_GE(fd, 0) << path;
  ASSERT_EQ(write(fd, "written", 7), 7);
  ASSERT_TRUE(!sync || fsync(fd) == 0);
  close(fd);
}

TEST(PoweredDisk, CutForgetsWhatWasNotSyncedAndKeepsTheRest) {
  if (std::string reason = PowerCutsUnavailable(); !reason.empty()) GTEST_SKIP() << reason;
  TempDir dir("power");
  auto disk = PoweredDisk::Make(dir.path(), "disk");
  ASSERT_TRUE(disk.ok()) << disk.status();
  WriteBytes((*disk)->path() + "/synced", true);
  int dir_fd = open((*disk)->path().c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(fsync(dir_fd), 0);
  close(dir_fd);
  WriteBytes((*disk)->path() + "/forgotten", false);
  ASSERT_TRUE((*disk)->Cut().ok());
  absl::Status restored = (*disk)->Restore();
  ASSERT_TRUE(restored.ok()) << restored;
  EXPECT_EQ(ReadFile((*disk)->path() + "/synced").value_or("gone"), "written");
  EXPECT_NE(ReadFile((*disk)->path() + "/forgotten").value_or("gone"), "written");
}

// A datagram from the far side to the near one; true when it arrived.
bool DatagramArrives(const Network& network, int index) {
  int near_fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in near = {};
  near.sin_family = AF_INET;
  inet_pton(AF_INET, Network::NearAddress().c_str(), &near.sin_addr);
  EXPECT_EQ(bind(near_fd, reinterpret_cast<sockaddr*>(&near), sizeof(near)), 0);
  socklen_t length = sizeof(near);
  getsockname(near_fd, reinterpret_cast<sockaddr*>(&near), &length);
  std::thread sender([&] {
    setns(network.far_namespace_fd(index), CLONE_NEWNET);
    int far_fd = socket(AF_INET, SOCK_DGRAM, 0);
    sendto(far_fd, "x", 1, 0, reinterpret_cast<sockaddr*>(&near), sizeof(near));
    close(far_fd);
  });
  sender.join();
  // A cable of the kernel's delivers within microseconds once ARP is done.
  timeval timeout = {1, 0};
  setsockopt(near_fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  char byte = 0;
  bool arrived = recv(near_fd, &byte, 1, 0) == 1;
  close(near_fd);
  return arrived;
}

TEST(Network, CutCableCarriesNothingAndHealedCableDoes) {
  if (std::string reason = NetworksUnavailable(); !reason.empty()) GTEST_SKIP() << reason;
  TempDir dir("network");
  auto network = Network::Make(2, dir.path());
  ASSERT_TRUE(network.ok()) << network.status();
  EXPECT_TRUE(DatagramArrives(**network, 0));
  ASSERT_TRUE((*network)->Cut(0).ok());
  EXPECT_FALSE(DatagramArrives(**network, 0));
  EXPECT_TRUE(DatagramArrives(**network, 1));
  absl::Status healed = (*network)->Heal(0);
  ASSERT_TRUE(healed.ok()) << healed;
  EXPECT_TRUE(DatagramArrives(**network, 0));
}

}  // namespace
}  // namespace braid::harness
