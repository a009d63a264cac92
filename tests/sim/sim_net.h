// The network between connectors and dedupers: Offer calls whose messages
// cross as serialized bytes, in order within a call as gRPC promises, delayed,
// and lost with the call when it is cut.
//
// An end notices a cut only after a while: until then it goes on talking to
// nobody.

#ifndef BRAID_TESTS_SIM_SIM_NET_H_
#define BRAID_TESTS_SIM_SIM_NET_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/random.h"
#include "dedupe/offer_session.h"
#include "ingest/offer_call.h"
#include "tests/sim/sim_host.h"
#include "tests/sim/sim_loop.h"

namespace braid {

// A deduper as the network sees it.
class SimServer {
 public:
  virtual ~SimServer() = default;
  // Null while the process is down.
  virtual SimHost* host() = 0;
  virtual std::unique_ptr<OfferSession> Accept(OfferResponder& responder) = 0;
};

class SimNet {
 public:
  // Called with every acknowledgement that reaches a connector.
  using AckObserver = std::function<void(int deduper, const std::string& source, uint64_t epoch,
                                         uint64_t end_offset)>;

  SimNet(SimLoop& world, Random& random, absl::Duration delay_max);
  ~SimNet();

  void AddServer(SimServer* server) { servers_.push_back(server); }
  void SetAckObserver(AckObserver observer) { ack_observer_ = std::move(observer); }

  // For one incarnation of a connector; destroyed with it.
  std::unique_ptr<OfferDialer> MakeDialer(SimHost& host, int connector, std::string source,
                                          int deduper);

  // The calls between the two end; each end notices by itself. False if there
  // was none.
  bool Cut(int connector, int deduper);
  // New calls fail and old ones hang until then.
  void Partition(int connector, int deduper, absl::Time until);
  // The next record under way between the two is lost, or arrives twice,
  // although the call goes on: no transport we use does it, the protocol bears
  // it all the same. False if no call stands.
  bool LoseNextRecord(int connector, int deduper);
  bool RepeatNextRecord(int connector, int deduper);
  // The deduper's process died: its ends are gone, the others notice.
  void ServerDied(int deduper);

 private:
  class Dialer;
  struct Link;
  class ClientEnd;
  class ServerEnd;
  struct Call;

  absl::Duration Delay();
  Call* StandingCall(int connector, int deduper);
  void ScheduleRequest(Call& call, std::string bytes);
  bool Partitioned(int connector, int deduper) const;
  void DeliverRequest(uint64_t call, const std::string& bytes);
  void TakeRequest(uint64_t call, const std::string& bytes);
  void DeliverResponse(uint64_t call, std::string bytes);
  void TakeResponse(uint64_t call, const std::string& bytes);
  void EndClientSide(uint64_t call, absl::Duration delay, absl::Status status);
  void EndServerSide(uint64_t call, absl::Duration delay);
  void DropServerEnd(uint64_t call);
  void Forget(uint64_t call);

  SimLoop& world_;
  Random& random_;
  const absl::Duration delay_max_;
  std::vector<SimServer*> servers_;
  AckObserver ack_observer_;
  std::map<uint64_t, std::unique_ptr<Call>> calls_;
  uint64_t next_call_ = 1;
  std::map<std::pair<int, int>, absl::Time> partitions_;
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_SIM_NET_H_
