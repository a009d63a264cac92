// Bytes in and out of one accepted socket, plain or TLS. It never blocks.
//
// Threads: one. Owner: its connection; the destructor closes the socket.

#ifndef BRAID_TESTS_EMULATOR_TRANSPORT_H_
#define BRAID_TESTS_EMULATOR_TRANSPORT_H_

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace braid::emulator {

enum class IoState { kOk, kBlocked, kClosed };

struct IoResult {
  IoState state = IoState::kOk;
  size_t bytes = 0;  // with kOk
};

class Transport {
 public:
  virtual ~Transport() = default;

  virtual IoResult Read(char* buffer, size_t size) = 0;
  virtual IoResult Write(const std::vector<iovec>& pieces) = 0;
  // No more bytes follow. With TLS: says so first.
  virtual void FinishWriting() = 0;
  virtual int fd() const = 0;

  // From now on closing sends a reset, and what the kernel still holds is lost.
  void ResetOnClose();
};

// Everything that is there, appended to `in`; nowhere when it is null. False:
// the peer closed.
bool ReadAll(Transport* transport, std::string* in);

std::unique_ptr<Transport> MakePlainTransport(int fd);

// Makes transports that speak TLS with one certificate.
class TransportFactory {
 public:
  virtual ~TransportFactory() = default;
  virtual std::unique_ptr<Transport> Make(int fd) = 0;
};

std::unique_ptr<TransportFactory> MakePlainFactory();

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_TRANSPORT_H_
