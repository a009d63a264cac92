// A worker's way to the desk of one deduper: slow, lossy, sometimes cut. What
// the desk was asked and what it said is told to the world, whether the answer
// arrives or not.
//
// Threads: one. Ownership: the worker's; what is under way dies with it, but at
// the desk it has happened.

#ifndef BRAID_TESTS_SIM_LOSSY_WORK_CLIENT_H_
#define BRAID_TESTS_SIM_LOSSY_WORK_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "dedupe/work_desk.h"
#include "ingest/work_client.h"
#include "proto/proto_time.h"
#include "tests/sim/sim_loop.h"

namespace braid {

class LossyWorkClient final : public WorkClient {
 public:
  // They outlive the client, in the world.
  struct Way {
    // Null while the deduper is down.
    std::function<WorkDesk*()> desk;
    // Asked once for a request, once for its answer.
    std::function<bool()> is_lost = [] { return false; };
    // A request that arrives twice.
    std::function<bool()> is_repeated = [] { return false; };
    std::function<absl::Duration()> delay;
    std::function<void(const v1::Work& work)> on_leased;
    std::function<void(const std::string& name, uint64_t fence, bool accepted)> on_word;
  };

  LossyWorkClient(SimLoop& loop, Way way) : loop_(loop), way_(std::move(way)) {}
  ~LossyWorkClient() override { *alive_ = false; }

  void Lease(const v1::LeaseRequest& request, Done<v1::LeaseResponse> done) override {
    Call<v1::LeaseResponse>(std::move(done), ToDuration(request.wait()) + kCallTimeout,
                            [request, alive = alive_, way = way_](WorkDesk& desk, auto reply) {
                              desk.Lease(
                                  request, [alive] { return !*alive; },
                                  [way, reply = std::move(reply)](auto response) mutable {
                                    if (response.ok() && response->has_work())
                                      way.on_leased(response->work());
                                    reply(std::move(response));
                                  });
                            });
  }
  void Renew(const v1::RenewRequest& request, Done<v1::RenewResponse> done) override {
    Fenced<v1::RenewResponse>(request, std::move(done), [request](WorkDesk& desk, auto reply) {
      desk.Renew(request, std::move(reply));
    });
  }
  void Report(const v1::ReportRequest& request, Done<v1::ReportResponse> done) override {
    Fenced<v1::ReportResponse>(request, std::move(done), [request](WorkDesk& desk, auto reply) {
      desk.Report(request, std::move(reply));
    });
  }
  void Complete(const v1::CompleteRequest& request, Done<v1::CompleteResponse> done) override {
    Fenced<v1::CompleteResponse>(request, std::move(done), [request](WorkDesk& desk, auto reply) {
      desk.Complete(request, std::move(reply));
    });
  }
  void ReportRules(const v1::ReportRulesRequest& request,
                   Done<v1::ReportRulesResponse> done) override {
    Call<v1::ReportRulesResponse>(
        std::move(done), kCallTimeout,
        [request](WorkDesk& desk, auto reply) { desk.ReportRules(request, std::move(reply)); });
  }
  void ReportUsage(const v1::ReportUsageRequest& request,
                   Done<v1::ReportUsageResponse> done) override {
    Call<v1::ReportUsageResponse>(
        std::move(done), kCallTimeout,
        [request](WorkDesk& desk, auto reply) { desk.ReportUsage(request, std::move(reply)); });
  }

 private:
  static constexpr absl::Duration kCallTimeout = absl::Seconds(5);

  template <typename Response, typename Request, typename Ask>
  void Fenced(const Request& request, Done<Response> done, Ask ask) {
    Call<Response>(std::move(done), kCallTimeout,
                   [ask, way = way_, name = request.name(), fence = request.fence()](WorkDesk& desk,
                                                                                     auto reply) {
                     ask(desk, [way, name, fence, reply = std::move(reply)](auto response) mutable {
                       way.on_word(name, fence, response.ok());
                       reply(std::move(response));
                     });
                   });
  }

  template <typename Response, typename Ask>
  void Call(Done<Response> done, absl::Duration timeout, Ask ask) {
    // Answer or timeout, whichever is first, and only while the process lives.
    auto once = std::make_shared<Done<Response>>(std::move(done));
    auto finish = [once, alive = alive_](absl::StatusOr<Response> response) {
      if (!*alive || !*once) return;
      Done<Response> last = std::move(*once);
      *once = nullptr;
      last(std::move(response));
    };
    loop_.After(timeout, [finish] { finish(absl::DeadlineExceededError("no answer")); });
    if (way_.is_lost()) return;
    Send<Response>(ask, finish);
    if (way_.is_repeated()) Send<Response>(ask, finish);
  }

  template <typename Response, typename Ask, typename Finish>
  void Send(Ask ask, Finish finish) {
    loop_.After(way_.delay(), [&loop = loop_, alive = alive_, way = way_, ask, finish] {
      WorkDesk* desk = way.desk();
      if (desk == nullptr) return;
      ask(*desk, [&loop, alive, way, finish](absl::StatusOr<Response> response) {
        if (!*alive || way.is_lost()) return;
        loop.After(way.delay(), [finish, response] { finish(response); });
      });
    });
  }

  SimLoop& loop_;
  const Way way_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_LOSSY_WORK_CLIENT_H_
