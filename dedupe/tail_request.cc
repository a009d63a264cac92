#include "dedupe/tail_request.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dedupe/creation_index.h"
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
  if (!v1::ReadOrder_IsValid(request.order())) {
    return absl::InvalidArgumentError("order is none that this version knows");
  }
  if (request.max_batch_events() < 0) {
    return absl::InvalidArgumentError("max_batch_events must not be negative");
  }
  if (request.accept_frames() && request.view() == v1::EVENT_VIEW_HEADER) {
    return absl::InvalidArgumentError("accept_frames does not go with EVENT_VIEW_HEADER");
  }
  if (request.accept_frames() && request.order() == v1::READ_ORDER_CREATION) {
    return absl::InvalidArgumentError(
        "accept_frames does not go with READ_ORDER_CREATION: frames are in order of arrival");
  }
  return absl::OkStatus();
}

absl::Status CheckStartTime(absl::Time time, absl::Time now) {
  if (time <= now + kClockSlack) return absl::OkStatus();
  return ReasonError(absl::StatusCode::kInvalidArgument,
                     absl::StrCat("the start lies ",
                                  absl::FormatDuration(absl::Trunc(time - now, absl::Seconds(1))),
                                  " in the future: give a past time, or none for now"),
                     {"START_IN_FUTURE", {}});
}

absl::StatusOr<uint64_t> ResolveStart(const ReadableStream& stream, const v1::StartPosition& start,
                                      absl::Time now) {
  const LogReader& reader = stream.reader();
  switch (start.position_case()) {
    case v1::StartPosition::kSequence:
      // Sequences start at 1.
      return std::max<uint64_t>(1, start.sequence());
    case v1::StartPosition::kTime: {
      absl::Status time = CheckStartTime(ToTime(start.time()), now);
      if (!time.ok()) return time;
      return reader.FirstAdmittedAt(ToTime(start.time()));
    }
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

// The key to begin at; empty: the first there will be.
absl::StatusOr<std::string> ResolveCreationStart(const ReadableStream& stream,
                                                 const v1::StartPosition& start, absl::Time now) {
  int64_t watermark_micros = stream.reader().watermark_micros();
  absl::Time time = now;
  bool earliest = false;
  switch (start.position_case()) {
    case v1::StartPosition::kSequence:
      return absl::InvalidArgumentError(
          "a start by sequence goes with READ_ORDER_ARRIVAL: start by time");
    case v1::StartPosition::kTime:
      time = ToTime(start.time());
      break;
    case v1::StartPosition::kLookback:
      time = now - ToDuration(start.lookback());
      break;
    case v1::StartPosition::kEarliest:
      earliest = start.earliest();
      break;
    case v1::StartPosition::POSITION_NOT_SET:
      break;
  }
  absl::Status in_past = CheckStartTime(time, now);
  if (!in_past.ok()) return in_past;
  if (watermark_micros == 0) {
    if (earliest) return EarliestKey(stream, 0);
    return KeyAt(std::max(stream.floor_micros(), absl::ToUnixMicros(time)));
  }
  absl::StatusOr<std::string> oldest = EarliestKey(stream, watermark_micros);
  if (!oldest.ok() || earliest) return oldest;
  bool at_watermark = start.position_case() == v1::StartPosition::POSITION_NOT_SET ||
                      start.position_case() == v1::StartPosition::kEarliest;
  std::string key = at_watermark ? KeyAt(watermark_micros) : KeyAt(absl::ToUnixMicros(time));
  return std::max(*oldest, std::min(key, KeyAt(watermark_micros)));
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
    absl::StatusOr<ReadToken> cursor = DecodeReadToken(ReadToken::Kind::kCursor, request.cursor());
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

CreationTail::Place PlaceAt(const ReadableStream& stream, std::string key) {
  CreationTail::Place place;
  place.key = std::move(key);
  place.sequence = place.strays_until = stream.reader().next_sequence();
  place.first_sequence = stream.reader().earliest_sequence();
  return place;
}

absl::StatusOr<CreationTail::Place> PlaceOf(const ReadableStream& stream, const ReadToken& token) {
  absl::Status good = CheckLogId(token, stream.identity());
  const LogReader& reader = stream.reader();
  if (good.ok()) good = reader.CheckPosition(token.next_sequence, token.delivered_time);
  if (good.ok()) good = reader.CheckChain(token.next_sequence, token.chain);
  if (good.ok() && !token.from_key.empty()) good = CheckFloor(stream, token.from_key);
  if (!good.ok()) return good;
  CreationTail::Place place;
  place.key = token.from_key;
  place.sequence = token.next_sequence;
  place.chain = token.chain;
  place.strays_until = token.strays_until;
  place.first_sequence = token.first_sequence;
  place.delivered_time = token.delivered_time;
  return place;
}

absl::StatusOr<CreationTail::Options> ResolveCreation(const ReadableStream& stream,
                                                      const v1::TailEventsRequest& request,
                                                      absl::Time now) {
  absl::Status arguments = CheckArguments(request);
  if (!arguments.ok()) return arguments;
  CreationTail::Options options;
  options.view = request.view();
  options.event_limit = request.limit();
  if (request.max_batch_events() > 0) {
    options.batch_events_max = std::min(request.max_batch_events(), kBatchEventsMax);
  }
  // The watermark before the end: all below it is below that.
  int64_t watermark_micros = stream.reader().watermark_micros();
  if (!request.cursor().empty()) {
    absl::StatusOr<ReadToken> cursor =
        DecodeReadToken(ReadToken::Kind::kCreationCursor, request.cursor());
    if (!cursor.ok()) return cursor.status();
    absl::StatusOr<CreationTail::Place> place = PlaceOf(stream, *cursor);
    if (!place.ok()) return place.status();
    options.from = *std::move(place);
  } else {
    absl::StatusOr<std::string> key = ResolveCreationStart(stream, request.start(), now);
    if (!key.ok()) return key.status();
    options.from = PlaceAt(stream, *std::move(key));
  }
  options.stops = request.stop_at_end();
  if (watermark_micros > 0) options.until_key = KeyAt(watermark_micros);
  options.until_sequence = stream.reader().next_sequence();
  return options;
}

absl::StatusOr<std::unique_ptr<Reading>> StartReading(const ReadableStream& stream,
                                                      const v1::TailEventsRequest& request,
                                                      absl::Time now) {
  if (request.order() == v1::READ_ORDER_CREATION) {
    absl::StatusOr<CreationTail::Options> options = ResolveCreation(stream, request, now);
    if (!options.ok()) return options.status();
    return std::make_unique<CreationTail>(stream, *std::move(options));
  }
  absl::StatusOr<Tail::Options> options = ResolveTail(stream, request, now);
  if (!options.ok()) return options.status();
  return std::make_unique<Tail>(stream.reader(), stream.log_id(), *options);
}

}  // namespace braid
