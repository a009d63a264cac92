// One Offer call seen from the deduper: checks the Hello, passes records to
// the merger in order, and answers with cumulative acknowledgements after the
// commit, or with where it wants the source to go on. The receiver owns "next
// expected offset": lower is acknowledged again, higher is nacked, so a hole
// can not be accepted and a repeat is harmless.
//
// Threads: the merger loop, except CheckRequest, which is pure.
// Ownership: the adapter owns the session and outlives none of its turns: a
// destroyed session gets no callback any more.
// Bounds: the adapter keeps at most its window of bytes between OnRequest and
// Consumed.

#ifndef BRAID_DEDUPE_OFFER_SESSION_H_
#define BRAID_DEDUPE_OFFER_SESSION_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "base/loop.h"
#include "base/owner.h"
#include "braid/v1/ingest_service.pb.h"
#include "dedupe/merger.h"
#include "dedupe/session_directory.h"

namespace braid {

// The way back to the source. Called on the merger loop; must not destroy the
// session from inside a call.
class OfferResponder {
 public:
  virtual ~OfferResponder() = default;
  virtual void Send(v1::OfferResponse response) = 0;
  // The last call. OK after a Refusal, which says it all.
  virtual void Close(absl::Status status) = 0;
  // These bytes of requests are dealt with: as many more may be read.
  virtual void Consumed(uint64_t bytes) = 0;
};

// Whether a request is well formed: frames agree with themselves, times and
// names are in range. Pure and costly: run where the bytes are parsed.
absl::Status CheckRequest(const v1::OfferRequest& request);

class OfferSession {
 public:
  struct Options {
    std::string stream;
    std::string log_id;
    // Connections that may offer.
    std::vector<std::string> connections;
    // The partition each carries, where the stream has any.
    std::map<std::string, uint32_t> partitions;
  };

  // REQUIRES: everything outlives the session.
  OfferSession(Loop& loop, Merger& merger, SessionDirectory& directory, const Options& options,
               OfferResponder& responder);
  ~OfferSession();

  // A request that passed CheckRequest.
  void OnRequest(v1::OfferRequest request, uint64_t request_bytes);
  // Asks something of the source; may be lost with the call.
  void Direct(v1::OfferResponse::Action action, const std::string& reason, uint64_t number);
  // Whether the stream is paused, once after each change.
  void TellPause();

 private:
  enum class State { kNew, kOpening, kOpen, kClosed };

  void OnHello(v1::OfferRequest::Hello hello, uint64_t bytes);
  void OnOpened(const ApplyResult& result);
  void OnRecord(v1::SessionRecord record, uint64_t bytes);
  void OnApplied(const ApplyResult& result);
  void FlushAcks();
  void Supersede();
  void Refuse(v1::OfferResponse::Refusal::Reason reason, const std::string& message,
              uint64_t highest_epoch = 0);
  // Whether it carries what the configuration says; empty when it does.
  std::string PartitionProblemOf(const v1::OfferRequest::Hello& hello) const;
  // Empty when the Hello may be admitted.
  std::string ProblemOf(const v1::OfferRequest::Hello& hello,
                        v1::OfferResponse::Refusal::Reason* reason) const;
  std::string ConnectionProblemOf(const v1::OfferRequest::Hello& hello) const;
  std::string RecovererProblemOf(const v1::OfferRequest::Hello& hello) const;

  Loop& loop_;
  Merger& merger_;
  SessionDirectory& directory_;
  const Options& options_;
  OfferResponder& responder_;

  State state_ = State::kNew;
  v1::OfferRequest::Hello hello_;
  // Acknowledgements to send in the next turn, by session epoch.
  std::map<uint64_t, uint64_t> acks_;
  bool flush_posted_ = false;
  // Sessions that were told of a hole and have not filled it.
  std::set<uint64_t> nacked_;
  absl::optional<bool> told_pause_;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_OFFER_SESSION_H_
