// Readers in creation order over the log that a core makes of random inputs:
// covers, losses, late events, strays, time that jumps. Each is cut off and
// resumed wherever it is, and gets every event exactly once.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "dedupe/core.h"
#include "dedupe/creation_index.h"
#include "dedupe/frame_parts.h"
#include "dedupe/log_entry.h"
#include "dedupe/tail_request.h"
#include "proto/reason.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

using store::v1::InputRecord;

struct LogEvent {
  std::string key;
  bool stray = false;
};

// Everything that stands in the log, by sequence.
std::map<uint64_t, LogEvent> EventsOf(const MemStore& store) {
  std::map<uint64_t, LogEvent> events;
  for (const auto& [key, value] : store.table(Table::kLog)) {
    CommittedRecord record = *DecodeLogEntry(key, value);
    if (!record.record->has_events()) continue;
    const store::v1::Events& body = record.record->events();
    uint64_t sequence = record.first_sequence;
    for (int i = 0; i < FrameEventCount(body.frame()); ++i) {
      if (!HasBit(body.new_bitmap(), i)) continue;
      events[sequence++] = {FrameWindowKey(body.frame(), i), HasBit(body.late_bitmap(), i)};
    }
  }
  return events;
}

class Reader {
 public:
  Reader(const ReadableStream& stream, uint64_t seed, bool may_lose)
      : stream_(stream), random_(seed), may_lose_(may_lose) {}

  // A few batches; some are lost on their way, some are the last of a call.
  void Read() {
    for (uint64_t left = random_.Below(6); left > 0; --left) {
      if (reading_ == nullptr && !Open()) return;
      v1::TailEventsResponse batch;
      absl::StatusOr<Reading::Progress> progress = reading_->Fill(&batch);
      reading_->FillPosition(&batch);
      if (random_.Below(5) == 0) {
        reading_ = nullptr;
        continue;
      }
      Take(batch);
      if (!progress.ok()) return OnError(progress.status());
      if (*progress == Reading::Progress::kEnded || random_.Below(5) == 0) reading_ = nullptr;
    }
  }
  void ReadAll() {
    for (bool all = false; !all;) {
      if (reading_ == nullptr && !Open()) continue;
      v1::TailEventsResponse batch;
      absl::StatusOr<Reading::Progress> progress = reading_->Fill(&batch);
      reading_->FillPosition(&batch);
      Take(batch);
      if (!progress.ok()) {
        OnError(progress.status());
        continue;
      }
      all = *progress == Reading::Progress::kCaughtUp;
      if (*progress == Reading::Progress::kEnded) reading_ = nullptr;
    }
  }

  // Everything below the place it has come to, and every stray that came.
  void Check(const std::map<uint64_t, LogEvent>& log) const {
    std::string until = KeyAt(stream_.reader().watermark_micros());
    for (const auto& [sequence, event] : log) {
      bool came = sequence >= from_.sequence;
      bool wanted =
          came ? event.stray || event.key < until : event.key >= first_key_ && event.key < until;
      EXPECT_EQ(got_.count(sequence), wanted ? 1u : 0u)
          << "sequence " << sequence << (event.stray ? ", a stray" : "");
    }
  }
  uint64_t in_order() const { return in_order_; }
  uint64_t late() const { return late_; }
  uint64_t told() const { return told_; }

 private:
  bool Open() {
    v1::TailEventsRequest request;
    request.set_order(v1::READ_ORDER_CREATION);
    request.set_cursor(cursor_);
    request.set_max_batch_events(static_cast<int>(1 + random_.Below(30)));
    request.set_limit(random_.Below(3) == 0 ? 1 + random_.Below(40) : 0);
    if (random_.Below(2) == 0) request.set_view(v1::EVENT_VIEW_HEADER);
    if (cursor_.empty()) request.mutable_start()->set_earliest(true);
    absl::StatusOr<CreationTail::Options> options =
        ResolveCreation(stream_, request, absl::FromUnixSeconds(4000000000));
    if (!options.ok()) {
      OnError(options.status());
      return false;
    }
    if (cursor_.empty()) {
      from_ = options->from;
      first_key_ = from_.key;
      last_key_.clear();
      got_.clear();
    }
    reading_ = std::make_unique<CreationTail>(stream_, *std::move(options));
    return true;
  }

  void Take(const v1::TailEventsResponse& batch) {
    const std::string& place_key = reading_->place().key;
    for (const v1::Event& event : batch.events()) {
      std::string key = EventWindowKey(event.key());
      EXPECT_GE(key, last_key_) << "sequence " << event.sequence();
      if (first_key_.empty()) first_key_ = key;
      last_key_ = key;
      TakeEvent(event);
      ++in_order_;
    }
    uint64_t last = 0;
    for (const v1::Event& event : batch.late_events()) {
      EXPECT_GT(event.sequence(), last);
      last = event.sequence();
      EXPECT_TRUE(event.late() || EventWindowKey(event.key()) < place_key);
      TakeEvent(event);
      ++late_;
    }
    for (const v1::StreamNotice& notice : batch.notices()) {
      EXPECT_TRUE(got_.insert(notice.sequence()).second) << notice.sequence();
    }
    cursor_ = batch.position().cursor();
  }
  void TakeEvent(const v1::Event& event) {
    EXPECT_TRUE(got_.insert(event.sequence()).second) << event.sequence() << " twice";
  }

  void OnError(const absl::Status& status) {
    EXPECT_TRUE(may_lose_ && ReasonOf(status).reason == "CURSOR_TOO_OLD") << status;
    ++told_;
    reading_ = nullptr;
    cursor_.clear();
  }

  const ReadableStream& stream_;
  SeededRandom random_;
  const bool may_lose_;
  std::unique_ptr<CreationTail> reading_;
  std::string cursor_;
  CreationTail::Place from_;
  std::string first_key_;
  std::string last_key_;
  std::set<uint64_t> got_;
  uint64_t in_order_ = 0;
  uint64_t late_ = 0;
  uint64_t told_ = 0;
};

struct Totals {
  uint64_t in_order = 0;
  uint64_t late = 0;
  uint64_t told = 0;
};

ReadableStream::Bounds BoundsOf(const Core& core) {
  return {core.state().earliest_sequence(), core.gaps().watermark_micros(),
          core.state().floor_micros()};
}

void RunWorld(uint64_t seed, const Core::Options& options, bool may_lose, Totals* totals) {
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  MemStore store;
  std::unique_ptr<Core> core = *Core::Load(store, options);
  store::v1::Identity identity;
  identity.set_log_id("log-1");
  ReadableStream stream({"main", identity, 1, {}}, store, HotTail::Options{.bytes_max = 4096});
  std::vector<std::unique_ptr<Reader>> readers;
  std::vector<InputRecord> inputs = RandomInputs(seed, 600);
  for (size_t at = 0; at < inputs.size();) {
    Group group;
    for (uint64_t left = 1 + random.Below(20); left > 0 && at < inputs.size(); --left) {
      ASSERT_TRUE(core->Apply(inputs[at++], &group).ok());
    }
    core->Seal(&group);
    ASSERT_TRUE(store.Commit(group.changes).ok());
    core->Committed();
    stream.OnCommit(group.records, BoundsOf(*core));
    for (const auto& [table, key] : group.drops) ASSERT_TRUE(store.DropBefore(table, key).ok());
    if (random.Below(8) == 0 && readers.size() < 4) {
      readers.push_back(std::make_unique<Reader>(stream, random.Next(), may_lose));
    }
    for (auto& reader : readers) reader->Read();
  }
  std::map<uint64_t, LogEvent> log = EventsOf(store);
  for (auto& reader : readers) {
    reader->ReadAll();
    if (!may_lose) reader->Check(log);
    totals->in_order += reader->in_order();
    totals->late += reader->late();
    totals->told += reader->told();
  }
}

TEST(CreationPropertyTest, EveryEventComesExactlyOnceAndInOrder) {
  Core::Options options;
  // Nothing is forgotten.
  options.window_span = options.log_retention = options.stray_span = absl::Hours(24 * 365);
  Totals totals;
  for (uint64_t seed = 1; seed <= 25; ++seed) RunWorld(seed, options, false, &totals);
  EXPECT_GT(totals.in_order, 1000u);
  EXPECT_GT(totals.late, 300u);
}

TEST(CreationPropertyTest, WhatRetentionTakesIsToldAndTheRestComesOnce) {
  Totals totals;
  for (uint64_t seed = 100; seed <= 115; ++seed) RunWorld(seed, Core::Options(), true, &totals);
  EXPECT_GT(totals.in_order, 100u);
  EXPECT_GT(totals.told, 0u);
}

}  // namespace
}  // namespace braid
