// A core with connections that vouch once a second, fall silent, go away and
// come back: the fixture of tests of what the core makes of it.

#ifndef BRAID_TESTS_DEDUPE_CORE_CONNECTIONS_H_
#define BRAID_TESTS_DEDUPE_CORE_CONNECTIONS_H_

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dedupe/core.h"
#include "dedupe/cover_keys.h"
#include "proto/proto_time.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/mem_store.h"

namespace braid {

inline constexpr absl::Duration kSlack = absl::Seconds(10);

// One connection as its deduper sees it.
struct TestConnection {
  bool attached = true;
  bool receiving = true;
  // It receives, but may not vouch.
  bool vouches = true;
  uint64_t epoch = 1;
  uint64_t offset = 0;
  // Where its next cover begins.
  absl::Time from;
};

class CoreConnectionsTest : public testing::Test {
 protected:
  void Start(std::vector<std::string> names, Core::Options options = {},
             std::vector<uint32_t> partitions = {}) {
    options_ = options;
    core_ = *Core::Load(store_, options_);
    names_ = names;
    partitions_ = partitions;
    FirstTick();
    for (const std::string& name : names) {
      connections_[name].from = now_;
      Apply(OpenInput(name, 1));
    }
  }

  void FirstTick() {
    store::v1::InputRecord tick = TickInput(absl::ZeroDuration(), now_);
    tick.mutable_tick()->set_first_after_start(true);
    for (const std::string& name : names_) tick.mutable_tick()->add_sources(name);
    for (uint32_t partition : partitions_) tick.mutable_tick()->add_source_partitions(partition);
    Apply(std::move(tick));
  }

  void Apply(store::v1::InputRecord input) {
    absl::StatusOr<Group> group = CommitInput(std::move(input), core_.get(), &store_);
    ASSERT_TRUE(group.ok()) << group.status();
    for (const CommittedRecord& record : group->records) {
      if (record.record->has_notice()) notices_.push_back(record.record->notice());
    }
  }

  void Restart() { core_ = *Core::Load(store_, options_); }

  // Everybody vouches who may, then a second passes.
  void Second() {
    for (auto& [name, connection] : connections_) {
      bool speaks = connection.attached && connection.receiving && connection.vouches;
      if (speaks && now_ - kSlack > connection.from) {
        Cover(name, connection.from, now_ - kSlack);
        connection.from = now_ - kSlack;
      }
    }
    now_ += absl::Seconds(1);
    store::v1::InputRecord tick = TickInput(absl::Seconds(1), now_);
    for (const auto& [name, connection] : connections_) {
      if (!connection.attached) continue;
      auto* attention = tick.mutable_tick()->add_attention();
      attention->set_source_id(name);
      attention->set_receiving(connection.receiving);
      attention->set_drained(true);
    }
    Apply(std::move(tick));
  }
  void Run(int seconds) {
    for (int i = 0; i < seconds; ++i) Second();
  }

  void Cover(const std::string& name, absl::Time from, absl::Time until,
             v1::EventOrigin origin = v1::EVENT_ORIGIN_LIVE) {
    TestConnection& connection = connections_[name];
    store::v1::InputRecord input =
        CoverInput(name, connection.epoch, connection.offset++, from, until);
    input.mutable_record()->mutable_record()->mutable_cover()->set_origin(origin);
    Apply(std::move(input));
  }

  // What it received in the last two seconds is given up; its cover begins anew.
  void Lose(const std::string& name) {
    TestConnection& connection = connections_[name];
    store::v1::InputRecord input = LossInput(name, connection.epoch, connection.offset++, 1);
    v1::Loss* loss = input.mutable_record()->mutable_record()->mutable_loss();
    loss->set_reason(v1::Loss::REASON_RING_FULL);
    SetTime(now_ - absl::Seconds(2), loss->mutable_first_receive_time());
    SetTime(now_, loss->mutable_last_receive_time());
    Apply(std::move(input));
    connection.from = now_ + absl::Milliseconds(1);
  }
  void End(const std::string& name, const std::string& cause) {
    connections_[name].receiving = false;
    Say(name, v1::ConnectionReport::STATE_BACKING_OFF, cause);
  }
  void Say(const std::string& name, v1::ConnectionReport::State state, const std::string& cause) {
    v1::ConnectionEvent event;
    event.set_state(state);
    event.set_cause(cause);
    SetTime(now_, event.mutable_event_time());
    store::v1::InputRecord input;
    input.mutable_record()->set_source_id(name);
    v1::SessionRecord* record = input.mutable_record()->mutable_record();
    record->set_session_epoch(connections_[name].epoch);
    record->set_offset(connections_[name].offset++);
    *record->mutable_event() = event;
    Apply(std::move(input));
  }
  // Its cover begins anew.
  void Back(const std::string& name) {
    connections_[name].receiving = true;
    connections_[name].attached = true;
    Say(name, v1::ConnectionReport::STATE_RECEIVING, "connected");
    connections_[name].from = now_ + absl::Seconds(2);
  }

  std::vector<v1::StreamNotice::Type> Types() const {
    std::vector<v1::StreamNotice::Type> types;
    for (const v1::StreamNotice& notice : notices_) {
      bool redundancy = notice.type() == v1::StreamNotice::TYPE_REDUNDANCY_LOST ||
                        notice.type() == v1::StreamNotice::TYPE_REDUNDANCY_RESTORED;
      if (!redundancy) types.push_back(notice.type());
    }
    return types;
  }
  const store::v1::StoredGap& gap(uint64_t number) const { return core_->gaps().ledger().gaps().at(number); }
  store::v1::StoredGap Stored(uint64_t number) const {
    store::v1::StoredGap gap;
    gap.ParseFromString(*store_.Get(Table::kCover, CoverGapKey(number)));
    return gap;
  }
  double From(uint64_t number) const { return Since(Stored(number).from_micros()); }
  double Until(uint64_t number) const { return Since(Stored(number).until_micros()); }
  // Seconds since the start.
  double Since(int64_t micros) const {
    return absl::ToDoubleSeconds(absl::FromUnixMicros(micros) - TestStart());
  }
  double Watermark() const { return Since(core_->gaps().watermark_micros()); }

  MemStore store_;
  Core::Options options_;
  std::unique_ptr<Core> core_;
  std::vector<std::string> names_;
  std::vector<uint32_t> partitions_;
  std::map<std::string, TestConnection> connections_;
  absl::Time now_ = TestStart();
  std::vector<v1::StreamNotice> notices_;
};

}  // namespace braid

#endif  // BRAID_TESTS_DEDUPE_CORE_CONNECTIONS_H_
