// Says yes or no to a request for a stream: faults a test asked for, credentials,
// parameters, connect budgets, rules, slots; and makes the plan of the stream.
//
// Threads: the emulator's loop. Owner: the Emulator. Bounds: as StreamSlots,
// ConnectionBook.

#ifndef BRAID_TESTS_EMULATOR_STREAM_DESK_H_
#define BRAID_TESTS_EMULATOR_STREAM_DESK_H_

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/emulator/client_stream.h"
#include "tests/emulator/connection_book.h"
#include "tests/emulator/endpoint.h"
#include "tests/emulator/event_maker.h"
#include "tests/emulator/http_text.h"
#include "tests/emulator/moment.h"
#include "tests/emulator/stream_request.h"
#include "tests/emulator/stream_slots.h"
#include "tests/emulator/topic.h"
#include "tests/emulator/x_settings.h"
#include "tests/emulator/x_state.h"

namespace braid::emulator {

// Besides the names of x_answers.
inline constexpr char kRefuseByReset[] = "reset";
inline constexpr char kRefuseByBlackHole[] = "black-hole";

struct RefusalOrder {
  std::string how;       // a name of x_answers, or one of the two above
  absl::Duration until;  // since the emulator's start
  std::string tag;       // only clients with this part in their tag
  std::string endpoint;  // only this stream
};

// Everything the desk reads from; all outlive it.
struct DeskSources {
  XSettings* settings = nullptr;
  const XState* state = nullptr;
  TopicBook* topics = nullptr;
  TopicText* topic_text = nullptr;
  EventMaker* maker = nullptr;
};

struct StreamRequest {
  EndpointMatch match;
  const HttpRequest& http;
  std::string address;
  std::string tag;
};

struct DeskDecision {
  enum class Kind { kStream, kAnswer, kBlackHole, kReset } kind = Kind::kAnswer;
  HttpAnswer answer;
  std::optional<StreamPlan> plan;
  std::string head;
  std::string first_record;
};

class StreamDesk {
 public:
  explicit StreamDesk(const DeskSources& sources) : sources_(sources) {}

  DeskDecision Decide(const StreamRequest& request, Moment now);
  // A stream is gone.
  void Ended(const ClientStream& stream, Moment now);
  // Streams that X ends now because there are too many.
  std::vector<uint32_t> Overdue(Moment now);

  // Of a connection that does not even get to ask. May be a reset.
  bool ResetsAtAccept(Moment now) const;
  void Refuse(const RefusalOrder& order);

  ConnectionBook& book() { return book_; }
  const ConnectionBook& book() const { return book_; }
  void FreeSlot(uint32_t stream) { slots_.ReleaseNow(stream); }

 private:
  const RefusalOrder* RefusalOf(const StreamRequest& request, Moment now) const;
  DeskDecision Refused(const StreamRequest& request, HttpAnswer answer,
                       const ConnectBudget::State& budget, Moment now) const;
  std::vector<std::string> LimitHeaders(const Endpoint& endpoint,
                                        const ConnectBudget::State& budget, Moment now) const;
  ConnectBudget::State CountConnect(const Endpoint& endpoint, Moment now);
  bool IsOverBudget(const ConnectBudget::State& budget) const;
  // The refusal's name, "" for none.
  std::string WhyNot(const StreamRequest& request, const StreamAsk& ask, const SlotKey& slot) const;

  StreamPlan Plan(const StreamRequest& request, const StreamAsk& ask, const SlotKey& slot,
                  Moment now);
  FeedParts MakeFeed(const StreamRequest& request, const StreamAsk& ask, const SlotKey& slot,
                     Moment now);
  FeedParts MakeJob(const Topic& topic, const Endpoint& endpoint, const TimeSpan& span, Moment now);
  FinalText MakeFinalText(const Endpoint& endpoint, const TimeSpan& span) const;
  Topic TopicOf(const Endpoint& endpoint, const StreamAsk& ask) const;
  std::string Head(const StreamPlan& plan, const StreamRequest& request, const StreamAsk& ask,
                   const ConnectBudget::State& budget, Moment now) const;

  const DeskSources sources_;
  StreamSlots slots_;
  ConnectBudget budget_;
  ConnectionBook book_;
  std::vector<RefusalOrder> refusals_;
  std::set<std::pair<SlotKey, std::string>> full_buffers_;  // slot and tag
  uint32_t stream_count_ = 0;
};

// What the connections API says of an end.
const char* DisconnectReason(EndKind kind);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_STREAM_DESK_H_
