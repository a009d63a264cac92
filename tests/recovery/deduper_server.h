// A deduper's ports as a recoverer in another process sees them: gives steps out,
// takes every record and acknowledges it, remembers what it was told. It forgets
// nothing over restarts of the recoverer.
//
// Threads: gRPC's and the test's.

#ifndef BRAID_TESTS_RECOVERY_DEDUPER_SERVER_H_
#define BRAID_TESTS_RECOVERY_DEDUPER_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "braid/v1/ingest_service.grpc.pb.h"
#include "braid/v1/work_service.grpc.pb.h"
#include "ingest/session_record.h"
#include "proto/proto_time.h"

namespace braid {

class DeduperServer final {
 public:
  DeduperServer() : ingest_(this), work_(this) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&ingest_);
    builder.RegisterService(&work_);
    server_ = builder.BuildAndStart();
  }
  ~DeduperServer() {
    {
      MutexLock lock(&mu_);
      is_ending_ = true;
      changed_.NotifyAll();
    }
    server_->Shutdown(std::chrono::system_clock::now());
  }

  int port() const { return port_; }
  // Leased again under the next fence when its lease is over.
  void Add(const v1::RecoveryStep& step) {
    MutexLock lock(&mu_);
    v1::Work work;
    work.set_name(absl::StrCat("streams/main/work/", ++last_number_));
    work.set_fence(1);
    SetDuration(absl::Seconds(60), work.mutable_lease());
    *work.mutable_recovery_step() = step;
    leasable_.push_back(work);
    changed_.NotifyAll();
  }
  // As if its lease had ended: what was given out last is given out again.
  void LeaseAgain() {
    MutexLock lock(&mu_);
    leased_.set_fence(leased_.fence() + 1);
    leasable_.push_back(leased_);
    changed_.NotifyAll();
  }
  // In time, 30 s.
  bool AwaitCompletions(size_t count) {
    return AwaitUntil([&] { return completions_.size() >= count; });
  }
  bool AwaitEvents(size_t count) {
    return AwaitUntil([&] { return Events() >= count; });
  }
  std::vector<v1::CompleteRequest> completions() {
    MutexLock lock(&mu_);
    return completions_;
  }
  std::vector<v1::SessionRecord> records() {
    MutexLock lock(&mu_);
    return records_;
  }

 private:
  template <typename Done>
  bool AwaitUntil(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    MutexLock lock(&mu_);
    bool in_time = true;
    while (in_time && !done()) in_time = changed_.WaitUntil(&mu_, deadline);
    return done();
  }
  size_t Events() const {
    size_t events = 0;
    for (const v1::SessionRecord& record : records_) events += record.frame().lengths_size();
    return events;
  }

  class Ingest final : public v1::IngestService::Service {
   public:
    explicit Ingest(DeduperServer* server) : server_(server) {}
    grpc::Status Offer(
        grpc::ServerContext*,
        grpc::ServerReaderWriter<v1::OfferResponse, v1::OfferRequest>* stream) override {
      v1::OfferRequest request;
      while (stream->Read(&request)) {
        v1::OfferResponse response;
        if (server_->Take(request, &response)) stream->Write(response);
      }
      return grpc::Status::OK;
    }

   private:
    DeduperServer* const server_;
  };

  class Work final : public v1::WorkService::Service {
   public:
    explicit Work(DeduperServer* server) : server_(server) {}
    grpc::Status Lease(grpc::ServerContext*, const v1::LeaseRequest* request,
                       v1::LeaseResponse* response) override {
      server_->Lease(*request, response);
      return grpc::Status::OK;
    }
    grpc::Status Renew(grpc::ServerContext*, const v1::RenewRequest*,
                       v1::RenewResponse* response) override {
      SetDuration(absl::Seconds(60), response->mutable_lease());
      return grpc::Status::OK;
    }
    grpc::Status Report(grpc::ServerContext*, const v1::ReportRequest*,
                        v1::ReportResponse*) override {
      return grpc::Status::OK;
    }
    grpc::Status Complete(grpc::ServerContext*, const v1::CompleteRequest* request,
                          v1::CompleteResponse*) override {
      MutexLock lock(&server_->mu_);
      server_->completions_.push_back(*request);
      server_->changed_.NotifyAll();
      return grpc::Status::OK;
    }

   private:
    DeduperServer* const server_;
  };

  bool Take(const v1::OfferRequest& request, v1::OfferResponse* response) {
    MutexLock lock(&mu_);
    if (request.has_hello()) {
      for (const auto& session : request.hello().sessions()) {
        auto* ack = response->mutable_welcome()->add_expected();
        ack->set_session_epoch(session.epoch());
        ack->set_end_offset(expected_[session.epoch()]);
      }
      return true;
    }
    if (!request.has_record()) return false;
    const v1::SessionRecord& record = request.record();
    uint64_t& expected = expected_[record.session_epoch()];
    if (record.offset() == expected) {
      expected += OffsetCount(record);
      records_.push_back(record);
      changed_.NotifyAll();
    }
    response->mutable_ack()->set_session_epoch(record.session_epoch());
    response->mutable_ack()->set_end_offset(expected);
    return true;
  }
  void Lease(const v1::LeaseRequest& request, v1::LeaseResponse* response) {
    const auto deadline =
        std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(ToDuration(request.wait()));
    MutexLock lock(&mu_);
    bool in_time = true;
    while (in_time && leasable_.empty() && !is_ending_) {
      in_time = changed_.WaitUntil(&mu_, deadline);
    }
    if (leasable_.empty()) return;
    leased_ = leasable_.front();
    leasable_.pop_front();
    *response->mutable_work() = leased_;
  }

  int port_ = 0;
  Mutex mu_;
  CondVar changed_;
  bool is_ending_ = false;
  int last_number_ = 0;
  std::deque<v1::Work> leasable_;
  v1::Work leased_;
  std::map<uint64_t, uint64_t> expected_;
  std::vector<v1::SessionRecord> records_;
  std::vector<v1::CompleteRequest> completions_;
  Ingest ingest_;
  Work work_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace braid

#endif  // BRAID_TESTS_RECOVERY_DEDUPER_SERVER_H_
