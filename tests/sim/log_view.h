// The merged log as the checks see it: decoded from the store's bytes by the
// description in docs/KEYS.md, not by the code under test.

#ifndef BRAID_TESTS_SIM_LOG_VIEW_H_
#define BRAID_TESTS_SIM_LOG_VIEW_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "braid/store/v1/log.pb.h"
#include "dedupe/store.h"

namespace braid {

struct LogView {
  struct Event {
    uint64_t sequence;
    uint64_t id;
    bool late;
    uint64_t line_hash;
  };
  // One source delivered one event: first copies and further ones.
  struct Sighting {
    std::string source;
    uint64_t id;
    bool is_live;
  };
  // New events of one live frame.
  struct Arrival {
    int64_t received_micros;
    uint32_t count;
  };
  struct Tick {
    int64_t admission_micros;
    // Of the records below.
    size_t others_before;
    // Of the live events before it, the latest receipt, by X's time; 0: none.
    int64_t received_micros;
    // Since the tick before it.
    std::vector<Arrival> arrivals;
    store::v1::Tick tick;
  };
  // A log record in order, with how many sightings stand before it.
  struct Record {
    uint64_t first_sequence;
    uint32_t ordinal;
    size_t sightings_before;
    store::v1::LogRecord record;
  };

  std::vector<Event> events;
  std::vector<Sighting> sightings;
  // Posts by UTC day of receipt, each once: what X bills.
  std::map<int32_t, std::set<uint64_t>> billed;
  // Copies by that day.
  std::map<int32_t, uint64_t> deliveries;
  // Everything but events and ticks.
  std::vector<Record> others;
  std::vector<Tick> ticks;
  // Chain after the last record.
  std::string chain;
};

// Verifies on the way: keys dense, format byte, hash and chain of every record,
// bitmaps against counts, each payload against its lengths and hashes. The
// status says which record broke which promise.
absl::StatusOr<LogView> ReadLog(const Store& store);

}  // namespace braid

#endif  // BRAID_TESTS_SIM_LOG_VIEW_H_
