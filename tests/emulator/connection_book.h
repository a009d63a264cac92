// The connections of the emulated X, open and recent, as its connections API
// lists them.
//
// Threads: one. Bounds: all open ones and the last 1,000 that ended.

#ifndef BRAID_TESTS_EMULATOR_CONNECTION_BOOK_H_
#define BRAID_TESTS_EMULATOR_CONNECTION_BOOK_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace braid::emulator {

// One stream connection as X's connections API shows it.
struct ConnectionRecord {
  uint32_t number = 0;        // of the stream, from 1
  std::string id;             // a UUID
  std::string endpoint_name;  // "filtered_stream"
  std::string client_ip;
  absl::Time connected_at;
  absl::Time disconnected_at = absl::InfiniteFuture();
  std::string disconnect_reason;
  bool is_active() const { return disconnected_at == absl::InfiniteFuture(); }
};

// What an endpoint may do with them.
class ConnectionList {
 public:
  virtual ~ConnectionList() = default;
  // Oldest first.
  virtual std::vector<ConnectionRecord> Connections() const = 0;
  // Ends it (reason operator_disconnect) and frees its slot, also a slot that a
  // dead client still holds. False: no active connection has this id.
  virtual bool Kill(const std::string& id) = 0;
};

class ConnectionBook {
 public:
  void Opened(uint32_t number, absl::string_view endpoint_name, absl::string_view address,
              absl::Time now);
  // The first reason stays.
  void Closed(uint32_t number, absl::string_view reason, absl::Time now);

  std::vector<ConnectionRecord> records() const;
  // 0: no active connection has this id.
  uint32_t NumberOf(const std::string& id) const;

 private:
  void ForgetOld();

  std::map<uint32_t, ConnectionRecord> records_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_CONNECTION_BOOK_H_
