#include "recovery/fetched_events.h"

#include <utility>

#include "base/hash.h"
#include "proto/window_key.h"

namespace braid {
FetchedEvents::FetchedEvents(RecordSink& sink, const Framer::Options& framer,
                             const std::vector<uint64_t>& witnesses, FetchEvidence* evidence)
    : sink_(sink),
      evidence_(*evidence),
      witnesses_(witnesses.begin(), witnesses.end()),
      framer_(framer) {
  evidence_.keys_digest = DigestOfNothing();
}

void FetchedEvents::Add(absl::string_view line, const ScannedMessage& message, absl::Time x_now,
                        absl::Time now) {
  bool is_post = message.kind == ScannedMessage::Kind::kPost;
  ++evidence_.events;
  evidence_.keys_digest +=
      Hash64(is_post ? PostWindowKey(message.post_id) : EventWindowKey(message.key));
  if (is_post && witnesses_.erase(message.post_id) > 0) {
    evidence_.seen_witnesses.push_back(message.post_id);
  }
  if (framer_.empty()) open_time_ = now;
  framer_.Add({line, message.post_id, is_post ? nullptr : &message.key, x_now,
               v1::EVENT_ORIGIN_RECOVERY, &message.rule_tags},
              &closed_frames_);
  if (!closed_frames_.empty()) open_time_ = now;
  AppendFrames();
}

void FetchedEvents::CloseOld(absl::Duration age, absl::Time now) {
  if (!framer_.empty() && now - open_time_ >= age) Close();
}

void FetchedEvents::Close() {
  framer_.Close(&closed_frames_);
  AppendFrames();
}

void FetchedEvents::AppendFrames() {
  for (v1::Frame& frame : closed_frames_) {
    v1::SessionRecord record;
    *record.mutable_frame() = std::move(frame);
    sink_.Append(std::move(record));
  }
  closed_frames_.clear();
}

}  // namespace braid
