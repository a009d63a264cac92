// A deduper as a source sees it, with the receiver's rules and nothing else:
// takes a record only at its expected offset, acknowledges what is durable,
// refuses stale epochs. On request the network between loses, repeats, delays
// and cuts, and the deduper is killed and forgets what was not durable.

#ifndef BRAID_TESTS_INGEST_FAKE_DEDUPER_H_
#define BRAID_TESTS_INGEST_FAKE_DEDUPER_H_

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "base/random.h"
#include "ingest/offer_call.h"
#include "ingest/session_record.h"

namespace braid {

class FakeDeduper final : public OfferDialer {
 public:
  struct Faults {
    double lose = 0, repeat = 0, cut = 0, lose_ack = 0, die = 0, refuse = 0;
  };
  struct Counts {
    int calls = 0, lost = 0, repeated = 0, cuts = 0, lost_acks = 0, deaths = 0, stale = 0;
    int reports = 0, nacks = 0;
  };
  struct State {
    uint64_t highest_epoch = 0;
    uint64_t session_id = 0;
    std::map<uint64_t, uint64_t> expected;
    // Accepted records by epoch, in order.
    std::map<uint64_t, std::vector<std::shared_ptr<const v1::SessionRecord>>> records;
  };

  FakeDeduper(Loop& loop, Random& random) : loop_(loop), random_(random) {}
  ~FakeDeduper() override { *alive_ = false; }

  std::unique_ptr<OfferCall> Dial(OfferCallHandler* handler) override {
    ++counts.calls;
    auto line = std::make_shared<Line>();
    line->handler = handler;
    lines_.push_back(line);
    if (silent) return std::make_unique<Call>(this, line);
    if (unreachable) Close(line, absl::UnavailableError("no such deduper"));
    return std::make_unique<Call>(this, line);
  }

  // The process ends: what was not durable is gone, calls are cut.
  void Die() {
    ++counts.deaths;
    now = durable;
    for (auto& line : lines_) Close(line, absl::UnavailableError("died"));
    lines_.clear();
  }

  Faults faults;
  Counts counts;
  State now, durable;
  bool unreachable = false;
  // Takes everything, says nothing.
  bool silent = false;
  bool commits = true;
  v1::OfferRequest::Hello last_hello;
  v1::ConnectionReport last_report;
  v1::OfferResponse::Refusal::Reason refusal = v1::OfferResponse::Refusal::REASON_UNSPECIFIED;
  uint64_t bytes_waiting = 0, bytes_waiting_max = 0;

 private:
  struct Line {
    OfferCallHandler* handler;
    bool open = true;
  };

  class Call final : public OfferCall {
   public:
    Call(FakeDeduper* deduper, std::shared_ptr<Line> line)
        : deduper_(deduper), line_(std::move(line)) {}
    ~Call() override { line_->handler = nullptr; }
    // Messages cross as bytes.
    void Send(v1::OfferRequest request) override {
      deduper_->Carry(line_, request.SerializeAsString());
    }

   private:
    FakeDeduper* const deduper_;
    const std::shared_ptr<Line> line_;
  };

  bool Happens(double probability) { return probability > 0 && random_.Unit() < probability; }

  void Carry(const std::shared_ptr<Line>& line, std::string bytes) {
    if (Happens(faults.lose)) {
      ++counts.lost;
      return;
    }
    int times = 1;
    if (Happens(faults.repeat)) {
      ++counts.repeated;
      times = 2;
    }
    bytes_waiting += bytes.size() * times;
    bytes_waiting_max = std::max(bytes_waiting_max, bytes_waiting);
    // In order, like a stream: later ones never overtake.
    arrival_ = std::max(arrival_, loop_.Now() + absl::Microseconds(random_.Below(3000)));
    for (int i = 0; i < times; ++i) {
      loop_.After(arrival_ - loop_.Now(), [this, alive = alive_, line, bytes] {
        if (!*alive) return;
        bytes_waiting -= bytes.size();
        if (line->open && !silent) Receive(line, bytes);
      });
    }
  }

  void Receive(const std::shared_ptr<Line>& line, const std::string& bytes) {
    if (Happens(faults.die)) return Die();
    if (Happens(faults.cut)) {
      ++counts.cuts;
      return Close(line, absl::UnavailableError("cut"));
    }
    v1::OfferRequest request;
    request.ParseFromString(bytes);
    if (request.has_hello()) OnHello(line, request.hello());
    if (request.has_record()) OnRecord(line, request.record());
    if (request.has_report()) {
      ++counts.reports;
      last_report = request.report();
    }
  }

  void OnHello(const std::shared_ptr<Line>& line, const v1::OfferRequest::Hello& hello) {
    last_hello = hello;
    v1::OfferResponse response;
    bool stale =
        hello.session_epoch() < now.highest_epoch ||
        (hello.session_epoch() == now.highest_epoch && hello.session_id() != now.session_id);
    if (stale || refusal != v1::OfferResponse::Refusal::REASON_UNSPECIFIED) {
      counts.stale += stale;
      response.mutable_refusal()->set_reason(stale ? v1::OfferResponse::Refusal::REASON_STALE_EPOCH
                                                   : refusal);
      response.mutable_refusal()->set_highest_epoch(now.highest_epoch);
      Say(line, response);
      return Close(line, absl::OkStatus());
    }
    now.highest_epoch = durable.highest_epoch = hello.session_epoch();
    now.session_id = durable.session_id = hello.session_id();
    response.mutable_welcome();
    for (const auto& session : hello.sessions()) {
      auto* expected = response.mutable_welcome()->add_expected();
      expected->set_session_epoch(session.epoch());
      expected->set_end_offset(now.expected[session.epoch()]);
    }
    Say(line, response);
  }

  void OnRecord(const std::shared_ptr<Line>& line, const v1::SessionRecord& record) {
    uint64_t& expected = now.expected[record.session_epoch()];
    if (record.offset() > expected) {
      ++counts.nacks;
      v1::OfferResponse response;
      response.mutable_nack()->set_session_epoch(record.session_epoch());
      response.mutable_nack()->set_expected_offset(expected);
      return Say(line, response);
    }
    if (record.offset() == expected) {
      expected += OffsetCount(record);
      now.records[record.session_epoch()].push_back(
          std::make_shared<const v1::SessionRecord>(record));
    }
    if (!commits) return;
    loop_.After(
        absl::Milliseconds(random_.Below(20)),
        [this, alive = alive_, line, deaths = counts.deaths, epoch = record.session_epoch()] {
          if (!*alive || deaths != counts.deaths) return;
          Commit(epoch);
          v1::OfferResponse response;
          response.mutable_ack()->set_session_epoch(epoch);
          response.mutable_ack()->set_end_offset(durable.expected[epoch]);
          Say(line, response);
        });
  }

  void Commit(uint64_t epoch) {
    durable.expected[epoch] = now.expected[epoch];
    auto& from = now.records[epoch];
    auto& to = durable.records[epoch];
    to.insert(to.end(), from.begin() + to.size(), from.end());
  }

  void Say(const std::shared_ptr<Line>& line, const v1::OfferResponse& response) {
    if (response.has_ack() && Happens(faults.lose_ack)) {
      ++counts.lost_acks;
      return;
    }
    loop_.Post([line, bytes = response.SerializeAsString()] {
      v1::OfferResponse copy;
      copy.ParseFromString(bytes);
      if (line->handler != nullptr) line->handler->OnResponse(copy);
    });
  }

  void Close(const std::shared_ptr<Line>& line, const absl::Status& status) {
    if (!line->open) return;
    line->open = false;
    loop_.Post([line, status] {
      if (line->handler != nullptr) std::exchange(line->handler, nullptr)->OnClosed(status);
    });
  }

  Loop& loop_;
  Random& random_;
  std::vector<std::shared_ptr<Line>> lines_;
  absl::Time arrival_ = absl::InfinitePast();
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace braid

#endif  // BRAID_TESTS_INGEST_FAKE_DEDUPER_H_
