// Frees the slot that a dead connection of ours still takes at X: learns the id
// of each connection that lasts, and on the second refusal in a row for too many
// connections lists what X counts and ends what is certainly ours and dead
// (own_connects.h). A notice that we were cut for too many connections is
// answered by a list at once: the count is known before the next attempt.
//
// The stream never waits for any of it: the next attempt comes when its class
// says so, 5 s after the first refusal.
//
// Every list and kill is logged, counted and, recorded as an event of the connection: "slots_...".
//
// Threads: the loop; counters are read by any thread.
// Ownership: the caller's seams outlive it; it is destroyed before the
// connection that it watches, or after it has ended.
// Bounds: one call at a time, pages_max pages of a list, calls_max lists and as
// many kills per calls_window; beyond that nothing is asked and one says so.

#ifndef BRAID_INGEST_SLOT_KEEPER_H_
#define BRAID_INGEST_SLOT_KEEPER_H_

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/file_system.h"
#include "base/http_client.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/owner.h"
#include "ingest/connection_observer.h"
#include "ingest/own_connects.h"
#include "ingest/x_call.h"
#include "ingest/x_request.h"

namespace braid {

// After the spool's directory: the file beside it.
inline constexpr char kConnectsSuffix[] = ".connects";

class SlotKeeper final : public ConnectionObserver {
 public:
  struct Options {
    RequestOptions request;
    // Beside the spool, whose lock makes us the only one who writes it. Empty:
    // connects are not remembered over a restart.
    std::string file;
    // In a row. The first is usual after a reset: X frees the slot in seconds.
    int refusals = 2;
    // A new connection is listed for certain after that.
    absl::Duration learn_after = absl::Seconds(20);
    // X allows an app 25 kills per 15 min; two connections share it, and one is
    // left for people. Its limit for lists is not documented.
    int calls_max = 12;
    absl::Duration calls_window = absl::Minutes(15);
    // 100 connections each; a partition has two.
    int pages_max = 5;
    XCall::Options call;
  };

  struct Metrics {
    Counter lists, list_failures, kills, kill_failures, ambiguous, over_budget;
    // As last listed; X counts what it lists.
    Gauge listed;
  };

  using TokenSource = absl::AnyInvocable<absl::StatusOr<std::string>()>;
  // Records it as an event of the connection.
  using Recorder = std::function<void(absl::string_view cause, absl::string_view detail)>;

  SlotKeeper(Loop& loop, HttpClient& http, FileSystem& files, const Options& options,
             TokenSource token, Recorder record);
  ~SlotKeeper() override;

  void OnAccepted(absl::Time from, absl::Time until) override;
  void OnEnded(const Verdict& verdict) override;

  const Metrics& metrics() const { return metrics_; }
  void CollectMetrics(MetricSink& sink, const MetricLabels& labels) const;

 private:
  enum class Purpose { kLearn, kFree };

  void Load();
  void Save();
  // False when as many calls were made as the window allows.
  bool Spend(std::deque<absl::Time>* calls);
  void StartList(Purpose purpose);
  void AskPage(const std::string& page_token);
  void OnPage(absl::StatusOr<XAnswer> answer);
  void OnList();
  void OnLearned();
  void FreeStale();
  void StartKill(std::vector<std::string> ids);
  void OnKills(absl::StatusOr<XAnswer> answer);
  void Say(absl::string_view event, absl::string_view detail);

  Loop& loop_;
  HttpClient& http_;
  FileSystem& files_;
  const Options options_;
  TokenSource token_;
  const Recorder record_;

  OwnConnects own_;
  int refusals_ = 0;
  // Of the connection that is open, or was last.
  uint64_t accepts_ = 0;
  Loop::TimerId learn_timer_ = 0;
  std::deque<absl::Time> list_times_;
  std::deque<absl::Time> kill_times_;

  // The call under way.
  std::unique_ptr<XCall> call_;
  bool is_kill_ = false;
  Purpose purpose_ = Purpose::kLearn;
  uint64_t accepts_at_start_ = 0;
  int pages_ = 0;
  XConnectionPage list_;

  Metrics metrics_;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_INGEST_SLOT_KEEPER_H_
