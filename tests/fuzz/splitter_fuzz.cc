// Bytes from X into lines: any cutting gives the same lines, none above the cap.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "ingest/x_framing.h"
#include "tests/fuzz/fuzz_input.h"

namespace braid {
namespace {

class Transcript final : public LineSplitter::Sink {
 public:
  explicit Transcript(size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}

  void OnPiece(absl::string_view piece) override {
    absl::StrAppend(&open_, piece);
    BRAID_CHECK(open_.size() <= line_bytes_max_);
  }
  void OnLineEnd() override {
    BRAID_CHECK(!open_.empty());
    Say("line ");
  }
  void OnHeartbeat() override {
    BRAID_CHECK(open_.empty());
    Say("heartbeat");
  }
  void OnOversize() override {
    open_.clear();
    Say("oversize");
  }
  const std::string& said() const { return said_; }

 private:
  void Say(absl::string_view what) {
    absl::StrAppend(&said_, what, open_, "|");
    open_.clear();
  }

  const size_t line_bytes_max_;
  std::string open_;
  std::string said_;
};

std::string Split(absl::string_view bytes, size_t line_bytes_max, absl::string_view cuts) {
  LineSplitter splitter(line_bytes_max);
  Transcript transcript(line_bytes_max);
  for (size_t i = 0; i < cuts.size() && !bytes.empty(); ++i) {
    const size_t piece = std::min<size_t>(static_cast<uint8_t>(cuts[i]), bytes.size());
    splitter.Feed(bytes.substr(0, piece), &transcript);
    bytes.remove_prefix(piece);
  }
  splitter.Feed(bytes, &transcript);
  splitter.Finish(&transcript);
  BRAID_CHECK(!splitter.inside_line());
  return transcript.said();
}

}  // namespace
}  // namespace braid

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  braid::FuzzInput input(data, size);
  const size_t line_bytes_max = 1 + input.TakeByte();
  const absl::string_view cuts = input.TakeBytes(input.TakeByte());
  const absl::string_view bytes = input.TakeRest();
  const std::string whole = braid::Split(bytes, line_bytes_max, "");
  BRAID_CHECK(braid::Split(bytes, line_bytes_max, cuts) == whole);
  BRAID_CHECK(braid::Split(bytes, line_bytes_max, std::string(bytes.size(), 1)) == whole);
  return 0;
}
