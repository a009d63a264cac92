// The payload of a Frame: JSON lines, compressed once by the source, hashed,
// and checked before anybody trusts it.
//
// Threads: any (each thread has its own zstd contexts).
// Bounds: a frame holds at most kFrameBytesMax decompressed; this is checked
// before anything is allocated.

#ifndef BRAID_PROTO_FRAME_CODEC_H_
#define BRAID_PROTO_FRAME_CODEC_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "braid/v1/ingest_service.pb.h"

namespace braid {

// A frame aims at 64 KB and holds at most one line of 2 MiB; twice that is
// beyond any honest source.
inline constexpr uint32_t kFrameBytesMax = 4 << 20;

// Sets payload, decompressed_bytes and payload_xxh3 from the lines, one after
// the other. REQUIRES: lines.size() <= kFrameBytesMax.
void CompressFrame(absl::string_view lines, v1::Frame* frame);

// The lines, one after the other. InvalidArgument when the payload is not what
// the frame says.
absl::StatusOr<std::string> DecompressPayload(const v1::Frame& frame);

// InvalidArgument unless all parts agree: as many keys (post_ids or keys, not
// both, at least one) as receive offsets, lengths and line hashes; lengths
// that sum up to decompressed_bytes <= kFrameBytesMax; tag indexes for each
// event and within the table; a payload with that hash that is one zstd frame
// of that size; a known origin. Does not decompress and does not check the
// line hashes.
absl::Status ValidateFrame(const v1::Frame& frame);

// Number of events in a valid frame.
inline int EventCount(const v1::Frame& frame) { return frame.lengths_size(); }

}  // namespace braid

#endif  // BRAID_PROTO_FRAME_CODEC_H_
