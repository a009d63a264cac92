// Asks X now and then what the project consumed, and tells every deduper, so
// that people can hold it against what we metered. It changes nothing at X.
//
// Threads: the loop. Ownership: loop, HTTP client and work clients outlive it.
// Bounds: one request at a time, three an hour and twelve after failures, of the
// 50 in 15 minutes that X takes; one answer per deduper waits to be told.

#ifndef BRAID_INGEST_USAGE_READER_H_
#define BRAID_INGEST_USAGE_READER_H_

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
#include "ingest/work_client.h"
#include "ingest/x_usage.h"

namespace braid {

class UsageReader {
 public:
  struct Options {
    // "streams/main"
    std::string stream;
    // https://api.x.com/2/usage/tweets…
    std::string url;
    std::string user_agent;
    std::string ca_file;
    // X's figures lag by minutes; longer than its window, so that a 429 is over.
    absl::Duration interval = absl::Minutes(20);
    // After an answer that never came, or a fault of X.
    absl::Duration retry_interval = absl::Minutes(5);
    // After a deduper that did not hear.
    absl::Duration tell_interval = absl::Seconds(5);
    RestCall::Options call = {kUsageAnswerMax, absl::Seconds(20)};
  };
  // The value of the Authorization header, or why there is none.
  using Authorization = std::function<absl::StatusOr<std::string>()>;

  UsageReader(Loop& loop, HttpClient& http, const std::vector<WorkClient*>& dedupers,
              Options options, Authorization authorization);

  void Start();
  void CollectMetrics(MetricSink& sink, const MetricLabels& labels) const;

 private:
  struct Desk {
    WorkClient* client = nullptr;
    absl::optional<v1::ReportUsageRequest> news;
    bool is_telling = false;
  };

  void Ask();
  void OnAnswer(const RestAnswer& answer);
  void FailAndAskAfter(absl::Duration delay, const std::string& why);
  void AskAfter(absl::Duration delay);
  void Tell(Desk* desk);

  Loop& loop_;
  HttpClient& http_;
  const Options options_;
  const Authorization authorization_;
  std::vector<std::unique_ptr<Desk>> desks_;
  std::unique_ptr<RestCall> call_;

  Counter answers_;
  Counter failures_;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_INGEST_USAGE_READER_H_
