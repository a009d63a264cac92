// Content-Encoding gzip as X sends it: one member for the whole connection,
// flushed after every piece so that nothing waits in the compressor.
//
// Threads: one. Owner: its connection. Bounds: zlib's 256 KB of state.

#ifndef BRAID_TESTS_EMULATOR_GZIP_ENCODER_H_
#define BRAID_TESTS_EMULATOR_GZIP_ENCODER_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace braid::emulator {

class GzipEncoder {
 public:
  // Without `flushes`, the bad gzip some servers send: records wait in the
  // compressor until it has enough.
  explicit GzipEncoder(bool flushes = true);
  ~GzipEncoder();
  GzipEncoder(const GzipEncoder&) = delete;
  GzipEncoder& operator=(const GzipEncoder&) = delete;

  // All of `plain`, decodable at once by whoever has what came before; without
  // flushes possibly nothing.
  std::string Encode(absl::string_view plain);
  // The end of the member.
  std::string Finish();

 private:
  std::string Run(absl::string_view plain, int flush);

  const bool flushes_;
  struct Zlib;
  std::unique_ptr<Zlib> zlib_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_GZIP_ENCODER_H_
