#include "dedupe/ingest_service.h"

#include <grpc/compression.h>
#include <grpc/grpc.h>

#include <deque>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mutex.h"

namespace braid {
namespace {

using Refusal = v1::OfferResponse::Refusal;
using Reactor = grpc::ServerBidiReactor<v1::OfferRequest, v1::OfferResponse>;

constexpr char kStreamPrefix[] = "streams/";
// Twice the largest line; a frame is 64 KB.
constexpr int kRequestBytesMax = 4 << 20;

grpc::Status ToGrpc(const absl::Status& status) {
  absl::string_view message = status.message();
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(message.data(), message.size()));
}

v1::OfferResponse MakeRefusal(Refusal::Reason reason, const std::string& message) {
  v1::OfferResponse response;
  response.mutable_refusal()->set_reason(reason);
  response.mutable_refusal()->set_message(message);
  return response;
}

// One call. Made by gRPC's thread, ends itself after OnDone, on the loop if it
// has one, so that no turn of the loop outlives it.
class OfferReactor final : public Reactor, public OfferResponder {
 public:
  OfferReactor(const IngestService& service, grpc::CallbackServerContext* context)
      : service_(service), context_(*context) {
    const auto& may_call = service.options().may_call;
    absl::Status allowed = may_call ? may_call(context_) : absl::OkStatus();
    if (!allowed.ok()) {
      FinishOnce(ToGrpc(allowed));
      return;
    }
    StartRead(&request_);
  }

  // From gRPC.
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override { FinishOnce(grpc::Status::CANCELLED); }
  void OnDone() override;

  // From the session, on the loop.
  void Send(v1::OfferResponse response) override;
  void Close(absl::Status status) override;
  void Consumed(uint64_t bytes) override;

 private:
  // Returns false when the call was refused.
  bool FindStream();
  void Refuse(Refusal::Reason reason, const std::string& message);
  void PassOn(uint64_t bytes);
  // Merges an acknowledgement into one that waits.
  bool ReplaceAck(const v1::OfferResponse& response) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FinishOnce(grpc::Status status);

  const IngestService& service_;
  grpc::CallbackServerContext& context_;

  // Owned by the reads, of which one is outstanding.
  v1::OfferRequest request_;
  // Set by the first read.
  const IngestStream* stream_ = nullptr;

  // Owned by the stream's loop.
  std::unique_ptr<OfferSession> session_;

  Mutex mu_;
  uint64_t bytes_in_flight_ ABSL_GUARDED_BY(mu_) = 0;
  bool read_held_ ABSL_GUARDED_BY(mu_) = false;
  // The front one is being written when writing_.
  std::deque<v1::OfferResponse> responses_ ABSL_GUARDED_BY(mu_);
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool closing_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  grpc::Status close_status_ ABSL_GUARDED_BY(mu_);
};

void OfferReactor::OnReadDone(bool ok) {
  // The source half-closed or is gone; what it sent is committed all the same.
  if (!ok) return FinishOnce(grpc::Status::OK);
  if (stream_ == nullptr && !FindStream()) return;
  absl::Status check = CheckRequest(request_);
  if (!check.ok()) {
    return Refuse(Refusal::REASON_INVALID, std::string(ToGrpc(check).error_message()));
  }
  uint64_t bytes = request_.ByteSizeLong();
  {
    // Counted before the loop can give them back.
    MutexLock lock(&mu_);
    bytes_in_flight_ += bytes;
  }
  PassOn(bytes);
  MutexLock lock(&mu_);
  read_held_ = bytes_in_flight_ > service_.options().bytes_in_flight_max;
  if (!read_held_ && !closing_ && !finished_) StartRead(&request_);
}

bool OfferReactor::FindStream() {
  if (!request_.has_hello()) {
    Refuse(Refusal::REASON_INVALID, "the first message of a call must be Hello");
    return false;
  }
  const v1::OfferRequest::Hello& hello = request_.hello();
  stream_ = service_.FindStream(hello.stream());
  if (stream_ == nullptr) {
    Refuse(Refusal::REASON_UNKNOWN_STREAM,
           absl::StrCat("this deduper does not carry '", hello.stream(), "'"));
    return false;
  }
  const auto& may_offer_as = service_.options().may_offer_as;
  absl::Status allowed =
      may_offer_as ? may_offer_as(context_, hello.source_id()) : absl::OkStatus();
  if (!allowed.ok()) {
    stream_ = nullptr;
    FinishOnce(ToGrpc(allowed));
    return false;
  }
  return true;
}

void OfferReactor::Refuse(Refusal::Reason reason, const std::string& message) {
  Send(MakeRefusal(reason, message));
  Close(absl::OkStatus());
}

void OfferReactor::PassOn(uint64_t bytes) {
  stream_->loop->Post([this, request = std::move(request_), bytes]() mutable {
    if (session_ == nullptr) {
      session_ = std::make_unique<OfferSession>(*stream_->loop, *stream_->merger,
                                                *stream_->directory, stream_->session, *this);
    }
    session_->OnRequest(std::move(request), bytes);
  });
  request_.Clear();
}

void OfferReactor::Consumed(uint64_t bytes) {
  MutexLock lock(&mu_);
  BRAID_CHECK(bytes <= bytes_in_flight_);
  bytes_in_flight_ -= bytes;
  if (!read_held_ || bytes_in_flight_ > service_.options().bytes_in_flight_max) return;
  read_held_ = false;
  if (!closing_ && !finished_) StartRead(&request_);
}

bool OfferReactor::ReplaceAck(const v1::OfferResponse& response) {
  if (!response.has_ack()) return false;
  // The front one may be under way and is left alone.
  for (size_t i = writing_ ? 1 : 0; i < responses_.size(); ++i) {
    v1::OfferResponse& waiting = responses_[i];
    if (!waiting.has_ack() || waiting.ack().session_epoch() != response.ack().session_epoch()) {
      continue;
    }
    waiting.mutable_ack()->set_end_offset(response.ack().end_offset());
    return true;
  }
  return false;
}

void OfferReactor::Send(v1::OfferResponse response) {
  MutexLock lock(&mu_);
  if (closing_ || finished_ || ReplaceAck(response)) return;
  responses_.push_back(std::move(response));
  if (std::exchange(writing_, true)) return;
  StartWrite(&responses_.front());
}

void OfferReactor::OnWriteDone(bool ok) {
  grpc::Status status = grpc::Status::CANCELLED;
  {
    MutexLock lock(&mu_);
    responses_.pop_front();
    writing_ = false;
    if (ok && !finished_) {
      if (!responses_.empty()) {
        writing_ = true;
        StartWrite(&responses_.front());
        return;
      }
      if (!closing_) return;
      status = close_status_;
    }
  }
  FinishOnce(std::move(status));
}

void OfferReactor::Close(absl::Status status) {
  {
    MutexLock lock(&mu_);
    closing_ = true;
    close_status_ = ToGrpc(status);
    // The last response goes out first.
    if (writing_) return;
  }
  FinishOnce(ToGrpc(status));
}

void OfferReactor::FinishOnce(grpc::Status status) {
  {
    MutexLock lock(&mu_);
    if (std::exchange(finished_, true)) return;
  }
  Finish(std::move(status));
}

void OfferReactor::OnDone() {
  if (stream_ == nullptr) {
    delete this;
    return;
  }
  stream_->loop->Post([this] { delete this; });
}

}  // namespace

const IngestStream* IngestService::FindStream(const std::string& resource) const {
  constexpr size_t prefix_bytes = sizeof(kStreamPrefix) - 1;
  if (resource.compare(0, prefix_bytes, kStreamPrefix) != 0) return nullptr;
  auto it = streams_.find(resource.substr(prefix_bytes));
  return it == streams_.end() ? nullptr : &it->second;
}

Reactor* IngestService::Offer(grpc::CallbackServerContext* context) {
  return new OfferReactor(*this, context);
}

void SetIngestServerLimits(grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(kRequestBytesMax);
  for (grpc_compression_algorithm algorithm : {GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP}) {
    builder->SetCompressionAlgorithmSupportStatus(algorithm, false);
  }
  // A dead peer is noticed within 7 s; sources ping every 5 s, idle or not.
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 5000);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 2000);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 2500);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
}

}  // namespace braid
