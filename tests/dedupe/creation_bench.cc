// How fast the log is read in creation order, with payload and without, beside
// arrival order. Copies of one second arrive over several: the longer, the more
// records lie between neighbours. Run by hand:
// creation_bench DIR (an empty directory on the disk to measure) [POSTS]

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "base/random.h"
#include "dedupe/core.h"
#include "dedupe/rocks_store.h"
#include "dedupe/tail_request.h"
#include "proto/frame_codec.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "tests/dedupe/core_inputs.h"

namespace braid {
namespace {

constexpr int kPostsPerSecond = 6000;
// Frames aim at 64 KB.
constexpr size_t kFrameEvents = 48;

struct Arrival {
  absl::Time time;
  uint64_t id;
};

// Lateness is 300 ms and an exponential rest.
std::vector<Arrival> Arrivals(int posts, absl::Duration mean_lateness) {
  SeededRandom random(1);
  std::vector<Arrival> arrivals;
  for (int i = 0; i < posts; ++i) {
    absl::Time created = TestStart() + absl::Seconds(1) * i / kPostsPerSecond;
    double uniform = (1.0 + static_cast<double>(random.Below(1 << 20))) / (1 << 20);
    absl::Duration lateness = absl::Milliseconds(300) - mean_lateness * std::log(uniform);
    arrivals.push_back({created + lateness, FirstSnowflakeAt(created) + random.Below(1 << 22)});
  }
  std::sort(arrivals.begin(), arrivals.end(),
            [](const Arrival& a, const Arrival& b) { return a.time < b.time; });
  return arrivals;
}

// Some 1.3 KB that compress to a third.
std::string LineOf(uint64_t id, Random& random) {
  std::string line = absl::StrCat("{\"data\":{\"id\":\"", id, "\",\"text\":\"");
  while (line.size() < 1280) {
    absl::StrAppend(&line, "word", random.Below(100000), " of the public conversation ");
  }
  return line + "\"}}";
}

v1::Frame FrameOf(const Arrival* arrivals, size_t count, Random& random) {
  v1::Frame frame;
  frame.set_origin(v1::EVENT_ORIGIN_LIVE);
  SetTime(arrivals[0].time, frame.mutable_base_receive_time());
  frame.add_rule_tags("cats");
  std::string lines;
  for (size_t i = 0; i < count; ++i) {
    std::string line = LineOf(arrivals[i].id, random);
    frame.add_post_ids(arrivals[i].id);
    frame.add_receive_offsets_micros(
        static_cast<uint32_t>(absl::ToInt64Microseconds(arrivals[i].time - arrivals[0].time)));
    frame.add_lengths(static_cast<uint32_t>(line.size()));
    frame.add_line_hashes(arrivals[i].id);
    frame.add_tag_indexes(1);
    frame.add_tag_indexes(0);
    lines += line;
  }
  CompressFrame(absl::string_view(lines.data(), lines.size()), &frame);
  return frame;
}

uint64_t Write(RocksStore& store, const std::vector<Arrival>& arrivals) {
  SeededRandom random(2);
  std::unique_ptr<Core> core = *Core::Load(store, Core::Options());
  Group group;
  const auto apply = [&](store::v1::InputRecord input) {
    BRAID_CHECK(core->Apply(std::move(input), &group).ok());
    if (group.changes.bytes() < 4 << 20) return;
    core->Seal(&group);
    BRAID_CHECK(store.Commit(group.changes).ok());
    core->Committed();
    group = Group();
  };
  apply(TickInput(absl::ZeroDuration(), TestStart()));
  apply(OpenInput("a", 1));
  for (size_t at = 0; at < arrivals.size(); at += kFrameEvents) {
    size_t count = std::min(kFrameEvents, arrivals.size() - at);
    store::v1::InputRecord input;
    input.set_admission_micros(absl::ToUnixMicros(arrivals[at].time));
    input.mutable_record()->set_source_id("a");
    v1::SessionRecord* record = input.mutable_record()->mutable_record();
    record->set_session_epoch(1);
    record->set_offset(at);
    *record->mutable_frame() = FrameOf(&arrivals[at], count, random);
    apply(std::move(input));
  }
  core->Seal(&group);
  BRAID_CHECK(store.Commit(group.changes).ok());
  return core->state().next_sequence();
}

void Measure(const RocksStore& store, uint64_t next_sequence, v1::ReadOrder order,
             v1::EventView view) {
  ReadableStream::Bounds bounds;
  bounds.watermark_micros = absl::ToUnixMicros(TestStart() + absl::Hours(1));
  ReadableStream stream({"bench", store.identity(), next_sequence, bounds}, store, {});
  v1::TailEventsRequest request;
  request.set_order(order);
  request.set_view(view);
  request.set_stop_at_end(true);
  request.mutable_start()->set_earliest(true);
  auto reading = StartReading(stream, request, absl::Now());
  BRAID_CHECK(reading.ok());
  uint64_t events = 0, bytes = 0;
  const absl::Time start = absl::Now();
  const std::clock_t cpu_start = std::clock();
  for (bool more = true; more;) {
    v1::TailEventsResponse batch;
    absl::StatusOr<Reading::Progress> progress = (*reading)->Fill(&batch);
    BRAID_CHECK(progress.ok());
    (*reading)->FillPosition(&batch);
    // As gRPC does.
    bytes += batch.SerializeAsString().size();
    events += batch.events_size() + batch.late_events_size();
    more = *progress == Reading::Progress::kFull;
  }
  double seconds = absl::ToDoubleSeconds(absl::Now() - start);
  // What a machine that does nothing else would take.
  double cpu_seconds = static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC;
  std::printf(
      "  %-20s %-18s %8llu events  %9.0f/s  %9.0f per second of CPU  %5.0f MB/s  cache %.0f MB\n",
      v1::ReadOrder_Name(order).c_str(), v1::EventView_Name(view).c_str(),
      static_cast<unsigned long long>(events), static_cast<double>(events) / seconds,
      static_cast<double>(events) / cpu_seconds, static_cast<double>(bytes) / seconds / 1e6,
      static_cast<double>(stream.cache().bytes()) / 1e6);
}

void Run(const std::string& dir, int posts, absl::Duration mean_lateness) {
  std::printf("%d posts, lateness 300 ms + %s on average\n", posts,
              absl::FormatDuration(mean_lateness).c_str());
  uint64_t next_sequence = 0;
  BRAID_CHECK(RocksStore::Init(dir, "bench", "bench-log", TestStart()).ok());
  {
    auto store = RocksStore::Open(dir, "bench", {});
    BRAID_CHECK(store.ok());
    next_sequence = Write(**store, Arrivals(posts, mean_lateness));
  }
  auto store = RocksStore::Open(dir, "bench", {});
  BRAID_CHECK(store.ok());
  for (v1::ReadOrder order : {v1::READ_ORDER_ARRIVAL, v1::READ_ORDER_CREATION}) {
    for (v1::EventView view : {v1::EVENT_VIEW_FULL, v1::EVENT_VIEW_HEADER}) {
      Measure(**store, next_sequence, order, view);
    }
  }
}

}  // namespace
}  // namespace braid

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: creation_bench DIR [POSTS]\n");
    return 2;
  }
  int posts = argc > 2 ? std::atoi(argv[2]) : 600000;
  int number = 0;
  for (absl::Duration lateness : {absl::Milliseconds(200), absl::Seconds(1), absl::Seconds(3)}) {
    braid::Run(absl::StrCat(argv[1], "/", number++), posts, lateness);
  }
  return 0;
}
