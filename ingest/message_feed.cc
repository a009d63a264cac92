#include "ingest/message_feed.h"

#include <utility>
#include <vector>

#include "ingest/x_array.h"

namespace braid {

void MessageFeed::Take(const LineBlock& block, MessageSink* sink) {
  size_t dropped = 0, heartbeat = 0;
  // Heartbeats count at their place: they vouch for the posts before them.
  auto take_heartbeats = [&](absl::Time before) {
    for (; heartbeat < block.heartbeats.size() && block.heartbeats[heartbeat] < before;
         ++heartbeat) {
      sink->OnHeartbeat(block.heartbeats[heartbeat]);
    }
  };
  auto take_dropped = [&](size_t before_line) {
    for (; dropped < block.dropped.size() && block.dropped[dropped].before_line <= before_line;
         ++dropped) {
      EndBadRun(sink);
      sink->OnDropped(block.dropped[dropped]);
    }
  };
  for (size_t i = 0; i < block.lines.size(); ++i) {
    take_dropped(i);
    take_heartbeats(block.lines[i].receive_time);
    if (block.last_line_cut && i + 1 == block.lines.size()) {
      TakeLastLine(block.LineAt(i), block.lines[i].receive_time, sink);
    } else {
      TakeLine(block.LineAt(i), block.lines[i].receive_time, sink);
    }
  }
  take_dropped(block.lines.size());
  take_heartbeats(absl::InfiniteFuture());
  EndBadRun(sink);
}

void MessageFeed::TakeLine(absl::string_view line, absl::Time now, MessageSink* sink) {
  if (IsArrayLine(line)) {
    std::vector<absl::string_view> elements;
    if (!SplitArray(line, &elements)) elements = {line};
    for (absl::string_view element : elements) TakeMessage(element, now, sink);
  } else {
    TakeMessage(line, now, sink);
  }
}

void MessageFeed::TakeMessage(absl::string_view line, absl::Time now, MessageSink* sink) {
  const ScannedMessage& message = scanner_.Scan(line);
  switch (message.kind) {
    case ScannedMessage::Kind::kPost:
    case ScannedMessage::Kind::kEvent:
      EndBadRun(sink);
      return sink->OnEvent(line, message, now);
    case ScannedMessage::Kind::kControl:
      EndBadRun(sink);
      return sink->OnControl(line, message, now);
    case ScannedMessage::Kind::kUnparsable:
      if (bad_.lines++ == 0) bad_.first = now;
      bad_.last = now;
      return sink->OnUnparsable(line, message.reason, now);
  }
}

// Whole records lack their line end at most; anything less is lost here, and
// nobody may vouch for it.
void MessageFeed::TakeLastLine(absl::string_view line, absl::Time now, MessageSink* sink) {
  EndBadRun(sink);
  std::vector<absl::string_view> elements;
  bool is_whole_array = IsArrayLine(line) && SplitArray(line, &elements);
  if (!is_whole_array && scanner_.Scan(line).kind == ScannedMessage::Kind::kUnparsable) {
    return sink->OnCutLine(line, now);
  }
  TakeLine(line, now, sink);
  EndBadRun(sink);
}

void MessageFeed::EndBadRun(MessageSink* sink) {
  if (bad_.lines == 0) return;
  sink->OnBadRun(std::exchange(bad_, BadRun()));
}

}  // namespace braid
