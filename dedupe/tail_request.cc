#include "dedupe/tail_request.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "dedupe/read_token.h"
#include "proto/proto_time.h"
#include "proto/reason.h"

namespace braid {
namespace {

// More would only make batches that the byte bound cuts anyway.
constexpr int kBatchEventsMax = 10000;
constexpr absl::Duration kBatchDelayMax = absl::Seconds(10);
constexpr absl::Duration kHeartbeatDefault = absl::Seconds(10);
constexpr absl::Duration kHeartbeatMin = absl::Milliseconds(100);
constexpr absl::Duration kHeartbeatMax = absl::Hours(1);

// Readers' clocks differ from ours by less.
constexpr absl::Duration kClockSlack = absl::Minutes(1);

absl::Status CheckArguments(const v1::TailEventsRequest& request) {
  if (request.order() != v1::READ_ORDER_UNSPECIFIED &&
      request.order() != v1::READ_ORDER_ARRIVAL) {
    return absl::InvalidArgumentError("order must be READ_ORDER_ARRIVAL");
  }
  if (request.max_batch_events() < 0) {
    return absl::InvalidArgumentError("max_batch_events must not be negative");
  }
  if (request.accept_frames() && request.view() == v1::EVENT_VIEW_HEADER) {
    return absl::InvalidArgumentError("accept_frames does not go with EVENT_VIEW_HEADER");
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> ResolveStart(const ReadableStream& stream,
                                      const v1::StartPosition& start, absl::Time now) {
  const LogReader& reader = stream.reader();
  switch (start.position_case()) {
    case v1::StartPosition::kSequence:
      // Sequences start at 1.
      return std::max<uint64_t>(1, start.sequence());
    case v1::StartPosition::kTime:
      if (ToTime(start.time()) > now + kClockSlack) {
        return ReasonError(absl::StatusCode::kInvalidArgument,
                           absl::StrCat("the start lies ",
                                        absl::FormatDuration(absl::Trunc(
                                            ToTime(start.time()) - now, absl::Seconds(1))),
                                        " in the future: give a past time, or none for now"),
                           {"START_IN_FUTURE", {}});
      }
      return reader.FirstAdmittedAt(ToTime(start.time()));
    case v1::StartPosition::kLookback:
      return reader.FirstAdmittedAt(now - ToDuration(start.lookback()));
    case v1::StartPosition::kEarliest:
      if (start.earliest()) return reader.earliest_sequence();
      break;
    case v1::StartPosition::POSITION_NOT_SET:
      break;
  }
  return reader.next_sequence();
}

}  // namespace

absl::Duration BatchDelay(const v1::TailEventsRequest& request) {
  return std::clamp(ToDuration(request.max_batch_delay()), absl::ZeroDuration(), kBatchDelayMax);
}

absl::Duration HeartbeatInterval(const v1::TailEventsRequest& request) {
  if (!request.has_heartbeat_interval()) return kHeartbeatDefault;
  return std::clamp(ToDuration(request.heartbeat_interval()), kHeartbeatMin, kHeartbeatMax);
}

absl::StatusOr<Tail::Options> ResolveTail(const ReadableStream& stream,
                                          const v1::TailEventsRequest& request, absl::Time now) {
  absl::Status arguments = CheckArguments(request);
  if (!arguments.ok()) return arguments;
  Tail::Options options;
  options.view = request.view();
  options.event_limit = request.limit();
  options.accept_frames = request.accept_frames();
  if (request.max_batch_events() > 0) {
    options.batch_events_max = std::min(request.max_batch_events(), kBatchEventsMax);
  }
  if (!request.cursor().empty()) {
    absl::StatusOr<ReadToken> cursor =
        DecodeReadToken(ReadToken::Kind::kCursor, request.cursor());
    if (!cursor.ok()) return cursor.status();
    absl::Status log_id = CheckLogId(*cursor, stream.identity());
    if (!log_id.ok()) return log_id;
    options.from = cursor->next_sequence;
    options.delivered_time = cursor->delivered_time;
    options.chain = cursor->chain;
  } else {
    absl::StatusOr<uint64_t> from = ResolveStart(stream, request.start(), now);
    if (!from.ok()) return from.status();
    options.from = *from;
  }
  absl::Status position = stream.reader().CheckPosition(options.from, options.delivered_time);
  if (position.ok()) position = stream.reader().CheckChain(options.from, options.chain);
  if (!position.ok()) return position;
  // The end is where it was when the call began: a busy log has no other.
  if (request.stop_at_end()) options.until = stream.reader().next_sequence();
  return options;
}

}  // namespace braid
