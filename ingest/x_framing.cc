#include "ingest/x_framing.h"

#include <cstring>

namespace braid {

void LineSplitter::Feed(absl::string_view bytes, Sink* sink) {
  if (bytes.empty()) return;
  const char* begin = bytes.data();  // first byte not passed on yet
  const char* const end = begin + bytes.size();
  if (pending_cr_) {
    pending_cr_ = false;
    if (*begin == '\n') {
      EndLine(sink);
      ++begin;
    } else {
      AddPiece("\r", sink);
    }
  }
  const char* scan = begin;
  while (scan < end) {
    auto* newline = static_cast<const char*>(std::memchr(scan, '\n', end - scan));
    if (newline == nullptr) break;
    scan = newline + 1;
    if (newline == begin || newline[-1] != '\r') continue;
    AddPiece({begin, static_cast<size_t>(newline - 1 - begin)}, sink);
    EndLine(sink);
    begin = scan;
  }
  if (begin == end) return;
  pending_cr_ = end[-1] == '\r';
  AddPiece({begin, static_cast<size_t>(end - begin) - (pending_cr_ ? 1 : 0)}, sink);
}

void LineSplitter::Finish(Sink* sink) {
  // Half a line end, which whole records do not have.
  pending_cr_ = false;
  if (line_bytes_ > 0 || skipping_) EndLine(sink);
}

void LineSplitter::AddPiece(absl::string_view piece, Sink* sink) {
  if (piece.empty() || skipping_) return;
  line_bytes_ += piece.size();
  if (line_bytes_ > line_bytes_max_) {
    skipping_ = true;
    line_bytes_ = 0;
    sink->OnOversize();
    return;
  }
  sink->OnPiece(piece);
}

void LineSplitter::EndLine(Sink* sink) {
  if (skipping_) {
    skipping_ = false;
  } else if (line_bytes_ == 0) {
    sink->OnHeartbeat();
  } else {
    sink->OnLineEnd();
  }
  line_bytes_ = 0;
}

}  // namespace braid
