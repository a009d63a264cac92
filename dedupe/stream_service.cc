#include "dedupe/stream_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "dedupe/access.h"
#include "dedupe/creation_index.h"
#include "dedupe/creation_tail.h"
#include "dedupe/event_lookup.h"
#include "dedupe/grpc_calls.h"
#include "dedupe/keys.h"
#include "dedupe/numbered.h"
#include "dedupe/read_token.h"
#include "dedupe/tail.h"
#include "dedupe/tail_request.h"
#include "proto/proto_time.h"
#include "proto/reason.h"

namespace braid {
namespace {

uint64_t HashArguments(const v1::ListEventsRequest& request) {
  std::string text = absl::StrCat(request.parent(), "\n", request.view());
  if (request.order() == v1::READ_ORDER_CREATION) {
    absl::StrAppend(&text, "\n", request.range().SerializeAsString());
  }
  return Hash64(text);
}

absl::StatusOr<Tail::Options> PageStart(const ReadableStream& stream,
                                        const v1::ListEventsRequest& request) {
  Tail::Options options;
  options.from = stream.reader().earliest_sequence();
  if (request.page_token().empty()) return options;
  absl::StatusOr<ReadToken> token = DecodeReadToken(ReadToken::Kind::kPage, request.page_token());
  if (!token.ok()) return token.status();
  absl::Status log_id = CheckLogId(*token, stream.identity());
  if (!log_id.ok()) return log_id;
  if (token->arguments_hash != HashArguments(request)) {
    return absl::InvalidArgumentError("page_token belongs to a call with other arguments");
  }
  options.from = token->next_sequence;
  options.chain = token->chain;
  absl::Status same = stream.reader().CheckChain(options.from, options.chain);
  if (!same.ok()) return same;
  return options;
}

struct PageBounds {
  uint64_t bytes_max;
  int events_max;
};

absl::StatusOr<v1::ListEventsResponse> ListByArrival(const ReadableStream& stream,
                                                     const v1::ListEventsRequest& request,
                                                     const PageBounds& bounds) {
  absl::StatusOr<Tail::Options> options = PageStart(stream, request);
  if (!options.ok()) return options.status();
  options->view = request.view();
  options->batch_bytes_max = bounds.bytes_max;
  options->batch_events_max = bounds.events_max;
  Tail tail(stream.reader(), stream.log_id(), *options);
  v1::TailEventsResponse batch;
  absl::StatusOr<Tail::Progress> progress = tail.Fill(&batch);
  // What stands before the trouble is a page; the next one meets it.
  if (!progress.ok() && batch.events_size() == 0) return progress.status();
  v1::ListEventsResponse page;
  page.mutable_events()->Swap(batch.mutable_events());
  if (tail.next_sequence() < stream.reader().next_sequence()) {
    ReadToken token;
    token.kind = ReadToken::Kind::kPage;
    token.log_id = stream.log_id();
    token.next_sequence = tail.next_sequence();
    token.arguments_hash = HashArguments(request);
    token.chain = tail.chain();
    page.set_next_page_token(EncodeReadToken(token));
  }
  return page;
}

// Where a page in creation order begins. It goes up to the end of the log as it
// is now: late events are no part of it.
absl::StatusOr<CreationTail::Place> CreationPageStart(const ReadableStream& stream,
                                                      const v1::ListEventsRequest& request,
                                                      int64_t watermark_micros) {
  absl::StatusOr<std::string> from = EarliestKey(stream, watermark_micros);
  if (!from.ok()) return from.status();
  if (request.range().has_start_time()) {
    from = std::max(*from, KeyAt(absl::ToUnixMicros(ToTime(request.range().start_time()))));
  }
  CreationTail::Place place = PlaceAt(stream, *from);
  if (request.page_token().empty()) return place;
  absl::StatusOr<ReadToken> token =
      DecodeReadToken(ReadToken::Kind::kCreationPage, request.page_token());
  if (!token.ok()) return token.status();
  if (token->arguments_hash != HashArguments(request)) {
    return absl::InvalidArgumentError("page_token belongs to a call with other arguments");
  }
  absl::Status same = CheckLogId(*token, stream.identity());
  if (same.ok()) same = stream.reader().CheckChain(token->next_sequence, token->chain);
  if (same.ok()) same = CheckFloor(stream, token->from_key);
  if (!same.ok()) return same;
  place.key = token->from_key;
  place.first_sequence = token->first_sequence;
  return place;
}

absl::StatusOr<v1::ListEventsResponse> ListByCreation(const ReadableStream& stream,
                                                      const v1::ListEventsRequest& request,
                                                      const PageBounds& bounds) {
  v1::ListEventsResponse page;
  int64_t watermark_micros = stream.reader().watermark_micros();
  if (watermark_micros == 0) return page;
  absl::StatusOr<CreationTail::Place> from = CreationPageStart(stream, request, watermark_micros);
  if (!from.ok()) return from.status();
  CreationTail::Options options;
  options.from = *std::move(from);
  options.stops = true;
  options.until_sequence = options.from.sequence;
  options.until_key = KeyAt(watermark_micros);
  if (request.range().has_end_time()) {
    options.until_key =
        std::min(options.until_key, KeyAt(absl::ToUnixMicros(ToTime(request.range().end_time()))));
  }
  options.view = request.view();
  options.batch_bytes_max = bounds.bytes_max;
  options.batch_events_max = bounds.events_max;
  CreationTail tail(stream, options);
  v1::TailEventsResponse batch;
  absl::StatusOr<Reading::Progress> progress = tail.Fill(&batch);
  // As above: the tail has gone past the trouble, the next page meets it.
  if (!progress.ok() && batch.events_size() == 0) return progress.status();
  page.mutable_events()->Swap(batch.mutable_events());
  if (tail.place().key < options.until_key) {
    ReadToken token = tail.Token(ReadToken::Kind::kCreationPage);
    if (!progress.ok()) {
      const v1::Event& last = page.events(page.events_size() - 1);
      token.from_key = KeyAfter(EventWindowKey(last.key()));
    }
    token.arguments_hash = HashArguments(request);
    page.set_next_page_token(EncodeReadToken(token));
  }
  return page;
}

}  // namespace

absl::StatusOr<v1::Event> GetEvent(const ReadableStreams& streams,
                                   const v1::GetEventRequest& request) {
  std::string::size_type events = request.name().find("/events/");
  uint64_t post_id = 0;
  if (events == std::string::npos ||
      !absl::SimpleAtoi(request.name().substr(events + 8), &post_id) || post_id == 0) {
    return absl::InvalidArgumentError("name is not of the form streams/{stream}/events/{post id}");
  }
  absl::StatusOr<ReadableStream*> stream = FindStream(streams, request.name().substr(0, events));
  if (!stream.ok()) return stream.status();
  return FindPost(**stream, post_id, request.view());
}

absl::StatusOr<v1::ListEventsResponse> ListEvents(const ReadableStreams& streams,
                                                  const v1::ListEventsRequest& request,
                                                  uint64_t page_bytes_max) {
  absl::StatusOr<ReadableStream*> stream = FindStream(streams, request.parent());
  if (!stream.ok()) return stream.status();
  absl::StatusOr<int> events_max = PageSizeOf(request.page_size());
  if (!events_max.ok()) return events_max.status();
  PageBounds bounds{page_bytes_max, *events_max};
  if (request.order() == v1::READ_ORDER_CREATION) {
    return ListByCreation(**stream, request, bounds);
  }
  if (!v1::ReadOrder_IsValid(request.order())) {
    return absl::InvalidArgumentError("order is none that this version knows");
  }
  if (request.has_range()) {
    return absl::InvalidArgumentError("range goes with READ_ORDER_CREATION");
  }
  return ListByArrival(**stream, request, bounds);
}

grpc::ServerUnaryReactor* StreamServiceImpl::GetEvent(grpc::CallbackServerContext* context,
                                                      const v1::GetEventRequest* request,
                                                      v1::Event* response) {
  return AnswerOnPool(
      context, pool_, Access::kRead, request, response,
      [this](const v1::GetEventRequest& r) { return braid::GetEvent(streams_, r); });
}

grpc::ServerUnaryReactor* StreamServiceImpl::ListEvents(grpc::CallbackServerContext* context,
                                                        const v1::ListEventsRequest* request,
                                                        v1::ListEventsResponse* response) {
  return AnswerOnPool(context, pool_, Access::kRead, request, response,
                      [this](const v1::ListEventsRequest& r) {
                        return braid::ListEvents(streams_, r, options_.page_bytes_max);
                      });
}

grpc::ServerWriteReactor<v1::TailEventsResponse>* StreamServiceImpl::TailEvents(
    grpc::CallbackServerContext* context, const v1::TailEventsRequest* request) {
  absl::Status access = CheckAccess(*context->auth_context(), Access::kRead);
  if (!access.ok()) return RefuseWrites<v1::TailEventsResponse>(access);
  absl::StatusOr<ReadableStream*> stream = FindStream(streams_, request->parent());
  if (!stream.ok()) return RefuseWrites<v1::TailEventsResponse>(stream.status());
  return TailCall::Start(**stream, pool_, calls_, *request);
}

}  // namespace braid
