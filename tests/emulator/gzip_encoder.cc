#include "tests/emulator/gzip_encoder.h"

#include <zlib.h>

#include "base/check.h"

namespace braid::emulator {

struct GzipEncoder::Zlib {
  z_stream stream{};
};

GzipEncoder::GzipEncoder(bool flushes) : flushes_(flushes), zlib_(std::make_unique<Zlib>()) {
  // 15 + 16: the largest window, gzip framing. Level 1: the emulator shares
  // its machine with what it tests.
  int result = deflateInit2(&zlib_->stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  BRAID_CHECK(result == Z_OK);
}

GzipEncoder::~GzipEncoder() { deflateEnd(&zlib_->stream); }

std::string GzipEncoder::Encode(absl::string_view plain) {
  return Run(plain, flushes_ ? Z_SYNC_FLUSH : Z_NO_FLUSH);
}

std::string GzipEncoder::Finish() { return Run("", Z_FINISH); }

std::string GzipEncoder::Run(absl::string_view plain, int flush) {
  z_stream& stream = zlib_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  std::string out;
  char buffer[32 << 10];
  do {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof(buffer);
    deflate(&stream, flush);
    out.append(buffer, sizeof(buffer) - stream.avail_out);
  } while (stream.avail_out == 0);
  return out;
}

}  // namespace braid::emulator
