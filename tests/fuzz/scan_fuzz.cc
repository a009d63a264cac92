// One line of the stream: read or refused, never trusted beyond its bounds.

#include <string>

#include "base/check.h"
#include "ingest/x_message.h"
#include "tests/fuzz/fuzz_input.h"

namespace braid {
namespace {

std::string Padded(absl::string_view line, char padding) {
  std::string bytes(line.data(), line.size());
  bytes.append(kLinePaddingBytes, padding);
  return bytes;
}

// Everything the scan says, as text.
std::string Answer(MessageScanner* scanner, absl::string_view line) {
  const ScannedMessage& message = scanner->Scan(line);
  std::string out = std::to_string(static_cast<int>(message.kind));
  auto add = [&out](absl::string_view text) { out.append("|").append(text.data(), text.size()); };
  switch (message.kind) {
    case ScannedMessage::Kind::kPost: {
      BRAID_CHECK(message.post_id > 0 && message.post_id >> 63 == 0);
      BRAID_CHECK(message.create_time != absl::InfiniteFuture());
      BRAID_CHECK(message.create_time != absl::InfinitePast());
      add(std::to_string(message.post_id));
      add(absl::FormatTime(message.create_time));
      size_t tag_bytes = 0;
      for (absl::string_view tag : message.rule_tags) tag_bytes += tag.size(), add(tag);
      BRAID_CHECK(tag_bytes <= kRuleTagBytesMax);
      break;
    }
    case ScannedMessage::Kind::kEvent:
      // A deduper refuses records with times it can not count with.
      BRAID_CHECK(message.create_time >= absl::UnixEpoch());
      BRAID_CHECK(message.create_time < absl::FromUnixSeconds(int64_t{1} << 33));
      add(message.key.SerializeAsString());
      break;
    case ScannedMessage::Kind::kControl:
      add(ControlWord(message.control));
      for (absl::string_view text : {message.disconnect_type, message.title,
                                     message.connection_issue, message.text}) {
        BRAID_CHECK(BoundedText(text, 100).size() <= 100);
        add(text);
      }
      add(std::to_string(message.code));
      break;
    case ScannedMessage::Kind::kUnparsable:
      add(UnparsableWord(message.reason));
      break;
  }
  return out;
}

}  // namespace
}  // namespace braid

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view line(reinterpret_cast<const char*>(data), size);
  static auto* const scanner = new braid::MessageScanner();
  // What stands behind the line does not matter, nor what was scanned before.
  const std::string zeros = braid::Padded(line, '\0');
  const std::string quotes = braid::Padded(line, '"');
  const std::string answer = braid::Answer(scanner, absl::string_view(zeros).substr(0, size));
  BRAID_CHECK(braid::Answer(scanner, absl::string_view(quotes).substr(0, size)) == answer);
  return 0;
}
