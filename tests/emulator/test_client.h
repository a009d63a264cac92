// A blocking client for tests of the emulator: one request, then lines of the
// chunked (and possibly gzip) body, and how it ended. Threads: one.

#ifndef BRAID_TESTS_EMULATOR_TEST_CLIENT_H_
#define BRAID_TESTS_EMULATOR_TEST_CLIENT_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"

struct ssl_st;

namespace braid::emulator {

enum class StreamEnd { kNone, kZeroChunk, kCutOff, kReset, kTimeout };

struct ClientOptions {
  std::string method = "GET";
  std::string target = "/2/tweets/search/stream";
  std::string headers;  // "name: value\r\n" each
  std::string body;
  bool tls = false;
  int receive_buffer_bytes = 0;  // 0: the kernel's choice
  // A read that waits longer ends with kTimeout.
  absl::Duration patience = absl::Seconds(5);
};

class StreamClient {
 public:
  StreamClient(int port, const ClientOptions& options);
  explicit StreamClient(int port) : StreamClient(port, ClientOptions()) {}
  ~StreamClient();
  StreamClient(const StreamClient&) = delete;
  StreamClient& operator=(const StreamClient&) = delete;

  // Head of the answer; "" when there was none.
  const std::string& Head();
  int Status();
  // All of an answer with Content-Length.
  std::string Body();

  // The next line without \r\n (a keep-alive is ""). False: see end().
  bool ReadLine(std::string* line);
  StreamEnd end() const { return end_; }
  // Decoded bytes so far, also of unfinished lines.
  uint64_t decoded_bytes() const { return decoded_bytes_; }
  // Throws decoded bytes away until the end of the stream or this many.
  void Discard(uint64_t bytes);

 private:
  struct Gzip;

  bool Receive();
  bool DecodeChunks();
  void Deliver(const std::string& bytes);

  int fd_ = -1;
  ssl_st* ssl_ = nullptr;
  std::string raw_;
  std::string head_;
  std::string decoded_;
  uint64_t decoded_bytes_ = 0;
  size_t chunk_left_ = 0;
  bool in_chunk_ = false;
  StreamEnd end_ = StreamEnd::kNone;
  std::unique_ptr<Gzip> gzip_;
};

// The id of a post's line, "" if it has none.
std::string DataId(const std::string& line);

// Status and body of a call of the control endpoint.
std::pair<int, std::string> Control(int port, const std::string& target,
                                    const std::string& body = "");

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_TEST_CLIENT_H_
