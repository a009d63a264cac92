// A log made by hand for the reading side's tests: what the core would have
// written, in a store in memory.

#ifndef BRAID_TESTS_DEDUPE_TEST_LOG_H_
#define BRAID_TESTS_DEDUPE_TEST_LOG_H_

#include <zstd.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "base/random.h"
#include "dedupe/log_entry.h"
#include "dedupe/readable_stream.h"
#include "dedupe/store.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"

namespace braid {

class MapStore final : public Store {
 public:
  absl::StatusOr<std::string> Get(Table table, absl::string_view key) const override {
    MutexLock lock(&mu_);
    auto it = rows_.find({static_cast<int>(table), std::string(key)});
    if (it == rows_.end()) return absl::NotFoundError("no such key");
    return it->second;
  }
  absl::Status Scan(Table table, absl::string_view from, absl::string_view until,
                    Visitor visitor) const override {
    if (before_look_) before_look_();
    MutexLock lock(&mu_);
    for (auto it = rows_.lower_bound({static_cast<int>(table), std::string(from)});
         it != rows_.end() && it->first.first == static_cast<int>(table); ++it) {
      if (!until.empty() && it->first.second >= std::string(until)) break;
      if (!visitor(it->first.second, it->second)) break;
    }
    return absl::OkStatus();
  }
  absl::Status ScanBack(Table table, absl::string_view from, Visitor visitor) const override {
    if (before_look_) before_look_();
    MutexLock lock(&mu_);
    auto it = rows_.upper_bound({static_cast<int>(table), std::string(from)});
    while (it != rows_.begin()) {
      --it;
      if (it->first.first != static_cast<int>(table)) break;
      if (!visitor(it->first.second, it->second)) break;
    }
    return absl::OkStatus();
  }
  absl::Status Commit(const WriteSet& changes) override {
    MutexLock lock(&mu_);
    for (const WriteSet::Change& change : changes.changes()) {
      rows_[{static_cast<int>(change.table), change.key}] = change.value;
    }
    return absl::OkStatus();
  }
  absl::Status DropBefore(Table, absl::string_view) override { return absl::OkStatus(); }

  // As a file that retention or a fault took away.
  void Erase(Table table, const std::string& key) {
    MutexLock lock(&mu_);
    rows_.erase({static_cast<int>(table), key});
  }
  // Runs before each Scan and ScanBack.
  void SetBeforeLook(std::function<void()> before_look) { before_look_ = std::move(before_look); }

 private:
  std::function<void()> before_look_;
  mutable Mutex mu_;
  std::map<std::pair<int, std::string>, std::string> rows_ ABSL_GUARDED_BY(mu_);
};

// Ids created one second apart, from a recent second.
inline uint64_t PostId(int n) {
  return FirstSnowflakeAt(absl::FromUnixSeconds(1790000000 + n)) + 7;
}

inline std::string PostLine(uint64_t id) {
  return absl::StrCat(R"({"data":{"id":")", id, R"(","text":"post )", id, R"("}})");
}

inline store::v1::Identity TestIdentity() {
  store::v1::Identity identity;
  identity.set_log_id("log-1");
  return identity;
}

class TestLog {
 public:
  explicit TestLog(HotTail::Options options = {})
      : stream_({"main", TestIdentity(), 1, {}}, store_, options) {}

  // A frame; `is_new` marks what had not been seen.
  void AddFrame(const std::string& source, const std::vector<uint64_t>& ids,
                const std::vector<bool>& is_new, absl::Time admission) {
    store::v1::LogRecord record = Head(source, admission);
    store::v1::Events* events = record.mutable_events();
    FillFrame(ids, admission, events->mutable_frame());
    std::string bitmap((ids.size() + 7) / 8, '\0');
    uint32_t count = 0;
    for (size_t i = 0; i < ids.size(); ++i) {
      if (!is_new[i]) {
        Index(ids[i]);
        continue;
      }
      bitmap[i / 8] = static_cast<char>(bitmap[i / 8] | (1 << (i % 8)));
      std::string value;
      AppendBe64(&value, next_sequence_ + count++);
      changes_.Put(Table::kIds, IdKey(ids[i]), value);
    }
    events->set_new_bitmap(bitmap);
    events->set_new_count(count);
    Write(record);
  }
  void AddPosts(const std::string& source, const std::vector<uint64_t>& ids, absl::Time admission) {
    AddFrame(source, ids, std::vector<bool>(ids.size(), true), admission);
  }
  void AddSightings(const std::string& source, const std::vector<uint64_t>& ids,
                    absl::Time admission) {
    store::v1::LogRecord record = Head(source, admission);
    FillFrame(ids, admission, record.mutable_sightings()->mutable_frame());
    record.mutable_sightings()->mutable_frame()->clear_payload();
    for (uint64_t id : ids) Index(id);
    Write(record);
  }
  void AddTick(absl::Time admission) {
    store::v1::LogRecord record = Head("", admission);
    record.mutable_tick()->set_elapsed_micros(1000000);
    Write(record);
  }
  void AddNotice(const std::string& message, absl::Time admission) {
    store::v1::LogRecord record = Head("", admission);
    record.mutable_notice()->set_message(message);
    Write(record);
  }
  void SetEarliest(uint64_t sequence) {
    earliest_ = sequence;
    stream_.OnCommit({}, Bounds());
  }
  void SetWatermark(absl::Time watermark) {
    watermark_micros_ = absl::ToUnixMicros(watermark);
    stream_.OnCommit({}, Bounds());
  }
  void SetFloor(absl::Time floor) {
    floor_micros_ = absl::ToUnixMicros(floor);
    stream_.OnCommit({}, Bounds());
  }
  // Posts outside the window.
  void AddStrays(const std::string& source, const std::vector<uint64_t>& ids,
                 absl::Time admission) {
    store::v1::LogRecord record = Head(source, admission);
    store::v1::Events* events = record.mutable_events();
    FillFrame(ids, admission, events->mutable_frame());
    std::string all((ids.size() + 7) / 8, '\xff');
    events->set_new_bitmap(all);
    events->set_late_bitmap(all);
    events->set_new_count(static_cast<uint32_t>(ids.size()));
    for (size_t i = 0; i < ids.size(); ++i) {
      changes_.Put(Table::kStrays, EncodeStrayIdKey(IdKey(ids[i])),
                   EncodeStrayValue({next_sequence_ + i, absl::ToUnixMicros(admission)}));
    }
    Write(record);
  }
  // Each line from now on gets so many bytes more, which do not compress.
  void SetFiller(size_t bytes) { filler_bytes_ = bytes; }
  // As a restart: the hot tail is empty, everything is read from the store.
  std::unique_ptr<ReadableStream> Reopen(
      const store::v1::Identity& identity = TestIdentity()) const {
    return std::make_unique<ReadableStream>(
        ReadableStream::Start{"main", identity, next_sequence_, Bounds()}, store_,
        HotTail::Options{});
  }

  MapStore& store() { return store_; }
  ReadableStream& stream() { return stream_; }
  uint64_t next_sequence() const { return next_sequence_; }

 private:
  ReadableStream::Bounds Bounds() const { return {earliest_, watermark_micros_, floor_micros_}; }
  static std::string IdKey(uint64_t id) {
    std::string key;
    AppendBe64(&key, id);
    return key;
  }
  static store::v1::LogRecord Head(const std::string& source, absl::Time admission) {
    store::v1::LogRecord record;
    record.set_admission_micros(absl::ToUnixMicros(admission));
    record.set_source_id(source);
    record.set_session_epoch(1);
    return record;
  }
  std::string Filler() {
    std::string filler;
    while (filler.size() < filler_bytes_) AppendBe64(&filler, random_.Next());
    return filler;
  }
  void FillFrame(const std::vector<uint64_t>& ids, absl::Time time, v1::Frame* frame) {
    frame->set_origin(v1::EVENT_ORIGIN_LIVE);
    SetTime(time, frame->mutable_base_receive_time());
    frame->add_rule_tags("cats");
    frame->add_rule_tags("dogs");
    std::string lines;
    for (size_t i = 0; i < ids.size(); ++i) {
      std::string line = PostLine(ids[i]) + Filler();
      frame->add_post_ids(ids[i]);
      frame->add_receive_offsets_micros(static_cast<uint32_t>(i));
      frame->add_lengths(static_cast<uint32_t>(line.size()));
      frame->add_line_hashes(Hash64(line));
      // Every other event has one tag, the rest have both.
      frame->add_tag_indexes(i % 2 == 0 ? 1 : 2);
      frame->add_tag_indexes(0);
      if (i % 2 != 0) frame->add_tag_indexes(1);
      lines += line;
    }
    std::string packed(ZSTD_compressBound(lines.size()), '\0');
    packed.resize(ZSTD_compress(&packed[0], packed.size(), lines.data(), lines.size(), 1));
    frame->set_payload(packed);
    frame->set_decompressed_bytes(static_cast<uint32_t>(lines.size()));
    frame->set_payload_xxh3(Hash64(packed));
  }
  void Index(uint64_t id) {
    std::string key;
    AppendBe32(&key, static_cast<uint32_t>(id >> 36));
    key += EncodeLogKey({next_sequence_, next_ordinal_});
    changes_.Put(Table::kSightings, key, "");
  }
  void Write(const store::v1::LogRecord& record) {
    std::string key = EncodeLogKey({next_sequence_, next_ordinal_});
    std::string body = record.SerializeAsString();
    std::string value = absl::StrCat(absl::string_view("\x01", 1), std::string(16, 'c'));
    AppendBe64(&value, Hash64(key + body));
    changes_.Put(Table::kLog, key, value + body);
    (void)store_.Commit(changes_);
    changes_.Clear();
    CommittedRecord committed;
    committed.first_sequence = next_sequence_;
    committed.ordinal = next_ordinal_;
    committed.sequence_count = SequenceCount(record);
    committed.chain = ReadBe64(std::string(16, 'c'));
    committed.record = std::make_shared<store::v1::LogRecord>(record);
    next_ordinal_ = committed.sequence_count > 0 ? 0 : next_ordinal_ + 1;
    next_sequence_ += committed.sequence_count;
    stream_.OnCommit({committed}, Bounds());
  }

  MapStore store_;
  ReadableStream stream_;
  WriteSet changes_;
  uint64_t next_sequence_ = 1;
  uint32_t next_ordinal_ = 0;
  uint64_t earliest_ = 1;
  int64_t watermark_micros_ = 0;
  int64_t floor_micros_ = 0;
  size_t filler_bytes_ = 0;
  SeededRandom random_{1};
};

}  // namespace braid

#endif  // BRAID_TESTS_DEDUPE_TEST_LOG_H_
