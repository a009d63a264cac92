#include "tests/dedupe/core_inputs.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "proto/frame_codec.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

using store::v1::InputRecord;

v1::SessionRecord* StartRecord(const std::string& source, uint64_t epoch, uint64_t offset,
                               InputRecord* input) {
  input->set_admission_micros(absl::ToUnixMicros(TestStart()));
  input->mutable_record()->set_source_id(source);
  v1::SessionRecord* record = input->mutable_record()->mutable_record();
  record->set_session_epoch(epoch);
  record->set_offset(offset);
  return record;
}

// A small world that produces plausible and implausible inputs.
class RandomWorld {
 public:
  explicit RandomWorld(uint64_t seed) : random_(seed) {}

  InputRecord Next() {
    uint64_t dice = random_.Below(100);
    if (dice < 25) return Tick();
    if (dice >= 96) return Work();
    Source& source = sources_[random_.Below(3)];
    if (source.epoch == 0 || dice < 28) return Open(&source);
    uint64_t offset = Offset(&source);
    if (dice < 33) {
      uint64_t offsets = random_.Below(4);
      Move(&source, offset, std::max<uint64_t>(1, offsets));
      return LossInput(source.id, source.epoch, offset, offsets);
    }
    if (dice < 40) {
      Move(&source, offset, 1);
      absl::Duration age = source.fetches ? absl::Minutes(random_.Below(60)) : absl::ZeroDuration();
      InputRecord input = CoverInput(source.id, source.epoch, offset,
                                     now_ - age - absl::Seconds(9), now_ - age / 2);
      v1::Cover* cover = input.mutable_record()->mutable_record()->mutable_cover();
      if (source.fetches) cover->set_origin(v1::EVENT_ORIGIN_RECOVERY);
      if (source.fetches) cover->set_first_offset(random_.Below(offset + 1));
      return input;
    }
    // Now and then a backlog.
    absl::Duration age = absl::Hours(random_.Below(8) == 0 ? random_.Below(60) : 0);
    std::vector<uint64_t> ids = Ids(now_ - age);
    Move(&source, offset, ids.size());
    InputRecord input =
        FrameInput(source.id, source.epoch, offset, ids, now_ - age + source.clock_error);
    v1::Frame* frame = input.mutable_record()->mutable_record()->mutable_frame();
    if (source.fetches) frame->set_origin(v1::EVENT_ORIGIN_RECOVERY);
    AddTags(frame);
    return input;
  }

 private:
  struct Source {
    std::string id;
    absl::Duration clock_error;
    // A recoverer.
    bool fetches = false;
    uint64_t epoch = 0;
    uint64_t next_offset = 0;
  };

  InputRecord Tick() {
    absl::Duration elapsed = absl::Seconds(1);
    if (random_.Below(8) == 0) elapsed = absl::Minutes(random_.Below(240));
    now_ += elapsed;
    InputRecord tick = TickInput(elapsed, now_ + absl::Seconds(random_.Below(100)));
    tick.mutable_tick()->set_let_go(random_.Below(30) == 0);
    for (const Source& source : sources_) {
      if (random_.Below(5) == 0) continue;
      auto* attention = tick.mutable_tick()->add_attention();
      attention->set_source_id(source.id);
      attention->set_receiving(random_.Below(4) > 0);
      attention->set_drained(random_.Below(2) > 0);
    }
    if (random_.Below(40) == 0) {
      tick.mutable_tick()->set_first_after_start(true);
      tick.mutable_tick()->add_sources("b");
      if (random_.Below(3) > 0) tick.mutable_tick()->add_sources("a");
    }
    return tick;
  }

  // A recoverer takes a step, or says how one of the first hundred ended.
  InputRecord Work() {
    InputRecord input;
    input.set_admission_micros(absl::ToUnixMicros(now_));
    store::v1::WorkInput* work = input.mutable_work();
    if (random_.Below(2) == 0) {
      work->mutable_lease()->set_worker_id("r");
      work->mutable_lease()->set_kind(v1::LeaseRequest::KIND_RECOVERY);
      return input;
    }
    work->set_number(1 + random_.Below(100));
    v1::CompleteRequest* complete = work->mutable_complete();
    complete->set_fence(1 + random_.Below(2));
    complete->set_outcome(static_cast<v1::CompleteRequest::Outcome>(1 + random_.Below(4)));
    v1::RecoveryResult* result = complete->mutable_recovery_result();
    result->set_complete(complete->outcome() == v1::CompleteRequest::OUTCOME_DONE);
    result->set_keys_digest(random_.Below(3));
    if (random_.Below(2) == 0) result->set_proof("clean_end");
    if (random_.Below(4) == 0) result->set_refusal("rate_limited");
    return input;
  }

  InputRecord Open(Source* source) {
    // Now and then a lower epoch, or the same one again.
    uint64_t epoch = source->epoch + random_.Below(3);
    if (epoch > 1 && random_.Below(4) == 0) --epoch;
    InputRecord input = OpenInput(source->id, std::max<uint64_t>(1, epoch));
    if (epoch > source->epoch) {
      if (source->epoch > 0 && random_.Below(2) == 0) {
        auto* old = input.mutable_opened()->add_sessions();
        old->set_epoch(source->epoch);
        old->set_first_retained_offset(random_.Below(source->next_offset + 4));
        old->set_end_offset(source->next_offset + random_.Below(3));
      }
      source->epoch = epoch;
      source->next_offset = 0;
    }
    return input;
  }

  uint64_t Offset(Source* source) {
    if (random_.Below(12) == 0) return source->next_offset + 1 + random_.Below(3);
    if (random_.Below(6) == 0) return source->next_offset - random_.Below(source->next_offset + 1);
    return source->next_offset;
  }

  static void Move(Source* source, uint64_t offset, uint64_t offsets) {
    if (offset <= source->next_offset) {
      source->next_offset = std::max(source->next_offset, offset + offsets);
    }
  }

  // The same of a post in every copy: one, or none.
  static void AddTags(v1::Frame* frame) {
    frame->add_rule_tags("first");
    frame->add_rule_tags("second");
    for (uint64_t id : frame->post_ids()) {
      frame->add_tag_indexes(id % 3 < 2 ? 1 : 0);
      if (id % 3 < 2) frame->add_tag_indexes(static_cast<uint32_t>(id % 3));
    }
  }

  std::vector<uint64_t> Ids(absl::Time now) {
    std::vector<uint64_t> ids;
    uint64_t count = 1 + random_.Below(12);
    bool mostly_old = random_.Below(3) == 0;
    for (uint64_t i = 0; i < count; ++i) {
      uint64_t dice = random_.Below(40);
      if (!sent_.empty() && (mostly_old ? dice < 36 : dice < 14)) {
        uint64_t back = random_.Below(std::min<uint64_t>(sent_.size(), dice < 3 ? 1000 : 40));
        ids.push_back(sent_[sent_.size() - 1 - back]);
        continue;
      }
      ids.push_back(NewId(dice, now));
      sent_.push_back(ids.back());
    }
    return ids;
  }

  uint64_t NewId(uint64_t dice, absl::Time now) {
    if (dice == 39) return 1 + random_.Below(1000);
    absl::Time created = now - absl::Milliseconds(random_.Below(20000));
    if (dice == 38) created = now - absl::Hours(20 + random_.Below(12));
    if (dice == 37) created = now + absl::Minutes(random_.Below(40));
    return FirstSnowflakeAt(created) + random_.Below(1 << 22);
  }

  SeededRandom random_;
  absl::Time now_ = TestStart();
  Source sources_[3] = {{"a", absl::Milliseconds(40)},
                        {"b", absl::Milliseconds(70)},
                        {"recovery/r", -absl::Minutes(3), true}};
  std::vector<uint64_t> sent_;
};

}  // namespace

std::string LineOf(uint64_t post_id) {
  return absl::StrCat("{\"data\":{\"id\":\"", post_id, "\"}}");
}

v1::Frame MakeFrame(const std::vector<uint64_t>& post_ids, absl::Time receive_time) {
  v1::Frame frame;
  frame.set_origin(v1::EVENT_ORIGIN_LIVE);
  SetTime(receive_time, frame.mutable_base_receive_time());
  std::string lines;
  for (uint64_t id : post_ids) {
    std::string line = LineOf(id);
    frame.add_post_ids(id);
    frame.add_receive_offsets_micros(static_cast<uint32_t>(frame.post_ids_size()));
    frame.add_lengths(static_cast<uint32_t>(line.size()));
    frame.add_line_hashes(Hash64(line));
    lines += line;
  }
  CompressFrame(ToAbsl(lines), &frame);
  return frame;
}

InputRecord TickInput(absl::Duration elapsed, absl::Time wall) {
  InputRecord input;
  input.set_admission_micros(absl::ToUnixMicros(wall));
  input.mutable_tick()->set_elapsed_micros(absl::ToInt64Microseconds(elapsed));
  input.mutable_tick()->set_wall_micros(absl::ToUnixMicros(wall));
  return input;
}

InputRecord OpenInput(const std::string& source, uint64_t epoch) {
  return OpenInput(source, epoch, 1000 + epoch);
}

InputRecord OpenInput(const std::string& source, uint64_t epoch, uint64_t session_id) {
  InputRecord input;
  input.set_admission_micros(absl::ToUnixMicros(TestStart()));
  input.mutable_opened()->set_source_id(source);
  input.mutable_opened()->set_session_epoch(epoch);
  input.mutable_opened()->set_session_id(session_id);
  input.mutable_opened()->add_sessions()->set_epoch(epoch);
  return input;
}

InputRecord FrameInput(const std::string& source, uint64_t epoch, uint64_t offset,
                       const std::vector<uint64_t>& post_ids, absl::Time receive_time) {
  InputRecord input;
  *StartRecord(source, epoch, offset, &input)->mutable_frame() = MakeFrame(post_ids, receive_time);
  return input;
}

InputRecord LossInput(const std::string& source, uint64_t epoch, uint64_t offset,
                      uint64_t offsets) {
  InputRecord input;
  StartRecord(source, epoch, offset, &input)->mutable_loss()->set_offsets(offsets);
  return input;
}

InputRecord CommandInput(store::v1::Command::Action action) {
  InputRecord input;
  input.mutable_command()->set_action(action);
  return input;
}

InputRecord CoverInput(const std::string& source, uint64_t epoch, uint64_t offset, absl::Time from,
                       absl::Time until) {
  InputRecord input;
  v1::TimeRange* range =
      StartRecord(source, epoch, offset, &input)->mutable_cover()->mutable_create_time_range();
  SetTime(from, range->mutable_start_time());
  SetTime(until, range->mutable_end_time());
  return input;
}

std::vector<InputRecord> RandomInputs(uint64_t seed, int count) {
  RandomWorld world(seed);
  std::vector<InputRecord> inputs = {TickInput(absl::ZeroDuration(), TestStart())};
  inputs[0].mutable_tick()->set_first_after_start(true);
  for (const char* source : {"a", "b"}) inputs[0].mutable_tick()->add_sources(source);
  while (static_cast<int>(inputs.size()) < count) inputs.push_back(world.Next());
  return inputs;
}

absl::StatusOr<Group> CommitInput(InputRecord input, Core* core, Store* store) {
  Group group;
  absl::StatusOr<ApplyResult> applied = core->Apply(std::move(input), &group);
  if (!applied.ok()) return applied.status();
  core->Seal(&group);
  absl::Status committed = store->Commit(group.changes);
  if (!committed.ok()) return committed;
  core->Committed();
  return group;
}

}  // namespace braid
