// The way of one source's records to one deduper: opens the session, passes
// every record on in order, late, and tells the source what is durable. Lives as
// long as both processes do.
//
// Threads: one. Ownership: the world; loop, source and merger outlive it.

#ifndef BRAID_TESTS_SIM_RECOVERY_COURIER_H_
#define BRAID_TESTS_SIM_RECOVERY_COURIER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "base/owner.h"
#include "braid/v1/ingest_service.pb.h"
#include "dedupe/merger.h"
#include "ingest/spool.h"
#include "ingest/spool_reader.h"
#include "tests/sim/sim_loop.h"

namespace braid {

// What a source keeps until it is delivered.
class SessionFeed {
 public:
  virtual ~SessionFeed() = default;
  virtual std::vector<v1::OfferRequest::Session> Sessions() const = 0;
  virtual uint64_t session_id() const = 0;
  // Nothing: the session's end so far.
  virtual absl::optional<v1::SessionRecord> Read(uint64_t epoch, uint64_t offset) = 0;
  virtual void Acknowledged(uint64_t epoch, uint64_t end_offset) {}
  virtual void OnStale(uint64_t highest_epoch) {}
};

// A recoverer's, towards one deduper.
class SpoolFeed final : public SessionFeed {
 public:
  SpoolFeed(Spool& spool, int deduper) : spool_(spool), deduper_(deduper), reader_(spool) {}

  std::vector<v1::OfferRequest::Session> Sessions() const override { return spool_.Sessions(); }
  uint64_t session_id() const override { return spool_.session_id(); }
  absl::optional<v1::SessionRecord> Read(uint64_t epoch, uint64_t offset) override;
  void Acknowledged(uint64_t epoch, uint64_t end_offset) override {
    spool_.Acknowledge(deduper_, epoch, end_offset);
  }
  void OnStale(uint64_t highest_epoch) override {
    spool_.RaiseEpoch(highest_epoch, Spool::CurrentId::kKept);
  }

 private:
  Spool& spool_;
  const int deduper_;
  SpoolReader reader_;
};

// A scripted connection's: everything, for ever.
class ListFeed final : public SessionFeed {
 public:
  void Append(v1::SessionRecord record);
  // A restart.
  void NextSession();

  std::vector<v1::OfferRequest::Session> Sessions() const override;
  uint64_t session_id() const override { return sessions_.rbegin()->second.id; }
  absl::optional<v1::SessionRecord> Read(uint64_t epoch, uint64_t offset) override;

 private:
  struct Session {
    uint64_t id = 1;
    uint64_t end_offset = 0;
    std::map<uint64_t, v1::SessionRecord> records;
  };
  std::map<uint64_t, Session> sessions_ = {{1, Session()}};
};

class RecoveryCourier {
 public:
  RecoveryCourier(SimLoop& world, SessionFeed& feed, Merger& merger, std::string source_id,
                  std::function<absl::Duration()> delay)
      : world_(world),
        feed_(feed),
        merger_(merger),
        source_id_(std::move(source_id)),
        delay_(std::move(delay)) {}

  // There may be something new.
  void Wake();
  // Everything that there is was applied.
  bool is_drained() const { return is_open_ && under_way_ == 0 && !has_more_; }
  bool is_open() const { return is_open_; }

 private:
  void Run();
  void Open();
  void OnOpened(const ApplyResult& result);
  bool SendNext();
  void OnApplied(const ApplyResult& result);

  SimLoop& world_;
  SessionFeed& feed_;
  Merger& merger_;
  const std::string source_id_;
  const std::function<absl::Duration()> delay_;
  bool is_planned_ = false;
  bool is_opening_ = false;
  bool is_open_ = false;
  bool has_more_ = false;
  int under_way_ = 0;
  // Of each session: the next to send.
  std::map<uint64_t, uint64_t> next_;
  uint64_t opened_epoch_ = 0;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_RECOVERY_COURIER_H_
