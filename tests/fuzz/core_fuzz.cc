// What a source with a valid certificate can send to a deduper: refused, or
// merged into a log that still holds what docs/INVARIANTS.md says.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "dedupe/frame_parts.h"
#include "dedupe/keys.h"
#include "dedupe/log_entry.h"
#include "dedupe/offer_session.h"
#include "proto/frame_codec.h"
#include "tests/dedupe/mem_store.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

// Enough for every kind of step; more only makes an input slow.
constexpr int kStepsMax = 64;

class Responder final : public OfferResponder {
 public:
  void Send(v1::OfferResponse) override { BRAID_CHECK(!closed_); }
  void Close(absl::Status) override { closed_ = true; }
  void Consumed(uint64_t bytes) override {
    BRAID_CHECK(bytes <= in_flight_);
    in_flight_ -= bytes;
  }
  void Sent(uint64_t bytes) { in_flight_ += bytes; }
  bool closed() const { return closed_; }

 private:
  bool closed_ = false;
  uint64_t in_flight_ = 0;
};

class Deduper {
 public:
  Deduper() { Start(); }

  void Send(int call_index, v1::OfferRequest request) {
    if (!CheckRequest(request).ok()) return;
    Call& call = calls_[call_index % 2];
    if (call.session == nullptr || call.responder->closed()) Dial(&call);
    call.responder->Sent(1);
    call.session->OnRequest(std::move(request), 1);
  }
  void Run(absl::Duration duration) { loop_.RunFor(duration); }
  void Restart() {
    for (Call& call : calls_) call.session.reset();
    merger_.reset();
    core_.reset();
    Start();
  }
  void CheckLog() const;

 private:
  struct Call {
    std::unique_ptr<Responder> responder;
    std::unique_ptr<OfferSession> session;
  };

  void Start() {
    Core::Options options;
    options.window.memory_bytes_max = 2000;
    absl::StatusOr<std::unique_ptr<Core>> core = Core::Load(store_, options);
    BRAID_CHECK(core.ok());
    core_ = *std::move(core);
    merger_ = std::make_unique<Merger>(loop_, store_, *core_, Merger::Options(),
                                       [](absl::Status) { BRAID_CHECK(false); });
    merger_->Start();
    Run(absl::ZeroDuration());
  }
  void Dial(Call* call) {
    call->session.reset();
    call->responder = std::make_unique<Responder>();
    call->session = std::make_unique<OfferSession>(loop_, *merger_, directory_, options_,
                                                   *call->responder);
  }

  SimLoop loop_;
  MemStore store_;
  SessionDirectory directory_{{"a", "b"}};
  const OfferSession::Options options_{"s", "log", {"a", "b"}};
  std::unique_ptr<Core> core_;
  std::unique_ptr<Merger> merger_;
  Call calls_[2];
};

// Dense sequences, an unbroken chain, no key twice (nothing expires: the runs
// are shorter than the window).
void Deduper::CheckLog() const {
  std::string chain(kChainBytes, '\0');
  uint64_t next_sequence = 1;
  std::set<std::string> keys;
  for (const auto& [key, value] : store_.table(Table::kLog)) {
    absl::StatusOr<LogValue> stored = DecodeLogValue(key, value);
    BRAID_CHECK(stored.ok());
    chain = NextChain(chain, key, stored->body);
    BRAID_CHECK(stored->chain == chain);
    absl::StatusOr<CommittedRecord> entry = DecodeLogEntry(key, value);
    BRAID_CHECK(entry.ok() && entry->first_sequence == next_sequence);
    next_sequence += entry->sequence_count;
    if (!entry->record->has_events()) continue;
    const store::v1::Events& events = entry->record->events();
    for (int i = 0; i < FrameEventCount(events.frame()); ++i) {
      if (!HasBit(events.new_bitmap(), i)) continue;
      keys.insert(FrameWindowKey(events.frame(), i));
    }
  }
  BRAID_CHECK(core_->last_sequence() + 1 == next_sequence);
  // What comes again after its key was let go stands twice, marked late.
  const store::v1::CoreState& state = core_->state();
  BRAID_CHECK(keys.size() + state.late_events() >= core_->last_sequence());
}

// What the hash and the compression would stop is let through, so that the
// fuzzer gets behind them.
void Repair(v1::OfferRequest* request) {
  if (!request->has_record() || !request->record().has_frame()) return;
  v1::Frame* frame = request->mutable_record()->mutable_frame();
  uint64_t bytes = 0;
  for (uint32_t length : frame->lengths()) bytes += length;
  if (bytes <= 1 << 16) CompressFrame(std::string(bytes, 'x'), frame);
}

}  // namespace
}  // namespace braid

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  braid::FuzzInput input(data, size);
  braid::Deduper deduper;
  for (int step = 0; step < braid::kStepsMax && !input.empty(); ++step) {
    const uint8_t choice = input.TakeByte();
    if (choice % 8 == 7) {
      deduper.Restart();
      continue;
    }
    if (choice % 8 == 6) {
      deduper.Run(absl::Seconds(choice >> 3));
      continue;
    }
    const absl::string_view bytes = input.TakeChunk();
    braid::v1::OfferRequest request;
    if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) continue;
    braid::Repair(&request);
    deduper.Send(choice >> 3, std::move(request));
    if (choice % 2 == 0) deduper.Run(absl::ZeroDuration());
  }
  deduper.Run(absl::Seconds(1));
  deduper.CheckLog();
  return 0;
}
