#include "dedupe/stream_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "dedupe/access.h"
#include "dedupe/event_lookup.h"
#include "dedupe/read_token.h"
#include "dedupe/tail.h"
#include "proto/reason.h"

namespace braid {
namespace {

constexpr int kPageSizeDefault = 100;
constexpr int kPageSizeMax = 1000;

uint64_t HashArguments(const v1::ListEventsRequest& request) {
  return Hash64(absl::StrCat(request.parent(), "\n", request.view()));
}

absl::StatusOr<Tail::Options> PageStart(const ReadableStream& stream,
                                        const v1::ListEventsRequest& request) {
  Tail::Options options;
  options.from = stream.reader().earliest_sequence();
  if (request.page_token().empty()) return options;
  absl::StatusOr<ReadToken> token =
      DecodeReadToken(ReadToken::Kind::kPage, request.page_token());
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

// A reactor that refuses at once.
class Refusal final : public grpc::ServerWriteReactor<v1::TailEventsResponse> {
 public:
  explicit Refusal(const absl::Status& status) { Finish(ToGrpcStatus(status)); }
  void OnDone() override { delete this; }
};

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
  if (request.page_size() < 0) {
    return absl::InvalidArgumentError("page_size must not be negative");
  }
  absl::StatusOr<Tail::Options> options = PageStart(**stream, request);
  if (!options.ok()) return options.status();
  options->view = request.view();
  options->batch_bytes_max = page_bytes_max;
  options->batch_events_max =
      request.page_size() == 0 ? kPageSizeDefault : std::min(request.page_size(), kPageSizeMax);
  Tail tail((*stream)->reader(), (*stream)->log_id(), *options);
  v1::TailEventsResponse batch;
  absl::StatusOr<Tail::Progress> progress = tail.Fill(&batch);
  // What stands before the trouble is a page; the next one meets it.
  if (!progress.ok() && batch.events_size() == 0) return progress.status();
  v1::ListEventsResponse page;
  page.mutable_events()->Swap(batch.mutable_events());
  if (tail.next_sequence() < (*stream)->reader().next_sequence()) {
    ReadToken token;
    token.kind = ReadToken::Kind::kPage;
    token.log_id = (*stream)->log_id();
    token.next_sequence = tail.next_sequence();
    token.arguments_hash = HashArguments(request);
    token.chain = tail.chain();
    page.set_next_page_token(EncodeReadToken(token));
  }
  return page;
}

grpc::ServerUnaryReactor* StreamServiceImpl::GetEvent(grpc::CallbackServerContext* context,
                                                      const v1::GetEventRequest* request,
                                                      v1::Event* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  pool_.Post([this, context, reactor, request, response] {
    absl::Status result = CheckAccess(*context->auth_context(), Access::kRead);
    if (result.ok()) {
      absl::StatusOr<v1::Event> event = braid::GetEvent(streams_, *request);
      if (event.ok()) *response = *std::move(event);
      result = event.status();
    }
    reactor->Finish(ToGrpcStatus(result));
  });
  return reactor;
}

grpc::ServerUnaryReactor* StreamServiceImpl::ListEvents(grpc::CallbackServerContext* context,
                                                        const v1::ListEventsRequest* request,
                                                        v1::ListEventsResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  pool_.Post([this, context, reactor, request, response] {
    absl::Status result = CheckAccess(*context->auth_context(), Access::kRead);
    if (result.ok()) {
      absl::StatusOr<v1::ListEventsResponse> page =
          braid::ListEvents(streams_, *request, options_.page_bytes_max);
      if (page.ok()) *response = *std::move(page);
      result = page.status();
    }
    reactor->Finish(ToGrpcStatus(result));
  });
  return reactor;
}

grpc::ServerWriteReactor<v1::TailEventsResponse>* StreamServiceImpl::TailEvents(
    grpc::CallbackServerContext* context, const v1::TailEventsRequest* request) {
  absl::Status access = CheckAccess(*context->auth_context(), Access::kRead);
  if (!access.ok()) return new Refusal(access);
  absl::StatusOr<ReadableStream*> stream = FindStream(streams_, request->parent());
  if (!stream.ok()) return new Refusal(stream.status());
  return TailCall::Start(**stream, pool_, calls_, *request);
}

}  // namespace braid
