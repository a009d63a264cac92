// A worker: holds a stream's credentials, leases work from each deduper, calls
// X, and reports. It also lists the stream's rules at its start, after each change
// and every list_interval, and tells every deduper what it found.
//
// One request to X at a time, whatever the dedupers want, never before X's rate
// headers allow it, and a write only while the lease outlasts it: whoever gets
// the work next finds no write of ours under way. Nothing of this touches the
// stream's own connection.
//
// Threads: the loop; metrics any.
// Ownership: clients and HTTP client outlive it.
// Bounds: one task per deduper, and one request at a time; RestCall's.

#ifndef BRAID_INGEST_REST_WORKER_H_
#define BRAID_INGEST_REST_WORKER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/http_client.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/owner.h"
#include "braid/v1/work_service.pb.h"
#include "ingest/rest_call.h"
#include "ingest/rule_job.h"
#include "ingest/work_client.h"
#include "ingest/work_seat.h"
#include "ingest/x_rules.h"

namespace braid {

class RestWorker final : private WorkSeatHandler {
 public:
  struct Options {
    std::string worker_id;
    std::string network;
    // "streams/main"
    std::string stream;
    // authorization is filled in at each request.
    RuleApi api;
    RuleApiLimits limits;
    // A rule that somebody changes at X's console is seen so late.
    absl::Duration list_interval = absl::Minutes(15);
    absl::Duration lease_wait = absl::Seconds(20);
    absl::Duration renew_interval = absl::Seconds(15);
    // After a call to a deduper that failed, and between two that found nothing.
    absl::Duration ask_interval = absl::Seconds(1);
    // Between two requests to X: PowerTrack takes 60 a minute.
    absl::Duration request_interval;
    // After an error of X or the network, doubling; 429 without a time.
    absl::Duration retry_min = absl::Seconds(5);
    absl::Duration retry_max = absl::Seconds(60);
    absl::Duration limited_wait = absl::Seconds(60);
    // Longer than X's window of 15 minutes.
    absl::Duration job_max = absl::Minutes(20);
    RestCall::Options call;
  };
  // The value of the Authorization header, or why there is none.
  using Authorization = std::function<absl::StatusOr<std::string>()>;

  RestWorker(Loop& loop, HttpClient& http, std::vector<WorkClient*> dedupers, Options options,
             Authorization authorization);

  void Start();

  void CollectMetrics(MetricSink& sink, const MetricLabels& labels) const;

 private:
  // One deduper and what it is to be told.
  struct Desk {
    WorkClient* client = nullptr;
    std::unique_ptr<WorkSeat> seat;
    absl::optional<v1::RuleSet> news;
    bool is_telling = false;
  };

  void OnTaken(WorkSeat& seat) override;
  // Nobody cancels a change of rules.
  void OnCancelled(WorkSeat& seat) override {}
  void OnLost(WorkSeat& seat) override;
  void Tell(Desk* desk);
  void Watch();

  void StartNext();
  void Step();
  void StepLater(absl::Duration delay);
  void Send(const RuleJob::Call& call);
  void OnAnswer(RestAnswer answer);
  void Retry(absl::Duration delay, const std::string& why);
  void GiveUp(const std::string& why);
  void EndJob(v1::CompleteRequest::Outcome outcome, const std::string& error,
              v1::RuleResult result);
  void FinishJob();
  void ReportProgress(const std::string& message);
  // What X's headers say, from now.
  void NoteLimits(const RestAnswer& answer);
  absl::Duration LimitedDelay() const;
  absl::Time XTimeOf(const RestAnswer& answer) const;
  bool OutlastsWrite(const Desk& desk) const;

  Loop& loop_;
  HttpClient& http_;
  const Options options_;
  const Authorization authorization_;
  std::vector<std::unique_ptr<Desk>> desks_;

  // The job at hand; desk_ null: a list of our own.
  std::unique_ptr<RuleJob> job_;
  Desk* desk_ = nullptr;
  absl::Time job_start_;
  int failures_ = 0;
  std::unique_ptr<RestCall> call_;
  Loop::TimerId step_timer_ = 0;
  // X wants no request before it.
  absl::Time not_before_ = absl::InfinitePast();
  bool is_limited_ = false;
  absl::Time next_list_;

  Counter requests_;
  Counter failed_requests_;
  Counter tasks_;
  Counter lost_leases_;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_INGEST_REST_WORKER_H_
