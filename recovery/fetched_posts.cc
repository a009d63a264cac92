#include "recovery/fetched_posts.h"

#include "base/log.h"

namespace braid {

FetchedPosts::FetchedPosts(RecordSink& sink, const Framer::Options& framer,
                           const std::vector<uint64_t>& witnesses, v1::EventKind unknown,
                           FetchEvidence* evidence)
    : evidence_(*evidence), events_(sink, framer, witnesses, evidence), scanner_(unknown) {}

uint64_t FetchedPosts::Take(std::string line, absl::Time x_now, absl::Time now) {
  size_t size = line.size();
  line.append(kLinePaddingBytes, ' ');
  absl::string_view text = absl::string_view(line).substr(0, size);
  const ScannedMessage& message = scanner_.Scan(text);
  if (message.kind != ScannedMessage::Kind::kPost) {
    ++evidence_.lost_lines;
    Log(LogLevel::kWarn, "line_unparsable", "a post of a page could not be read",
        {{"bytes", static_cast<uint64_t>(size)}});
    return 0;
  }
  bool is_new = seen_ids_.insert(message.post_id).second;
  if (is_new) events_.Add(text, message, x_now, now);
  return message.post_id;
}

}  // namespace braid
