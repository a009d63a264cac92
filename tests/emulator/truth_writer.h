// Writes the truth file (format: truth.h). Records gather in memory and go
// out when 256 KB are full or the owner calls Flush, which it does ten times a
// second; adjoining sent ranges of one connection are joined until then.
//
// Threads: one. Bounds: the buffer, and one open range per connection.
// A write that fails is fatal: a test with half a truth proves nothing.

#ifndef BRAID_TESTS_EMULATOR_TRUTH_WRITER_H_
#define BRAID_TESTS_EMULATOR_TRUTH_WRITER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/emulator/truth.h"

namespace braid::emulator {

class TruthWriter {
 public:
  TruthWriter() = default;
  ~TruthWriter();
  TruthWriter(const TruthWriter&) = delete;
  TruthWriter& operator=(const TruthWriter&) = delete;

  // Told of every Sent, also without Open.
  using Observer = std::function<void(uint64_t first, uint64_t count, absl::Time now)>;
  void SetObserver(Observer observer) { observer_ = std::move(observer); }

  // Without Open every call below does nothing.
  absl::Status Open(const std::string& path, uint64_t seed, absl::Time now);

  // `ids` of the emissions from `first` on; bit 63 marks duplicates.
  void Created(uint64_t first, const std::vector<uint64_t>& ids, absl::Time now);
  // Of the emissions from `first` on, after Created. Posts alone need no record.
  void Kinds(uint64_t first, const std::vector<uint8_t>& kinds);
  void Asked(const TruthRequest& request);
  void Connected(uint32_t connection, absl::string_view tag, absl::string_view address,
                 absl::Time now);
  void Sent(uint32_t connection, uint64_t first, uint64_t count, absl::Time now);
  void Maybe(uint32_t connection, uint64_t first, uint64_t count, absl::Time now);
  void Dropped(uint32_t connection, uint64_t first, uint64_t count, absl::Time now);
  void Ended(uint32_t connection, EndKind kind, absl::Time now);
  void Finished(absl::Time now);

  void Flush();

 private:
  struct OpenRange {
    uint64_t first = 0;
    uint64_t count = 0;
    absl::Time last;
  };

  void Record(truth_format::Type type, absl::string_view payload);
  void Range(truth_format::Type type, uint32_t connection, const OpenRange& range);
  void CloseRange(uint32_t connection);
  void WriteBuffer();

  Observer observer_;
  int fd_ = -1;
  std::string buffer_;
  std::map<uint32_t, OpenRange> open_ranges_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_TRUTH_WRITER_H_
