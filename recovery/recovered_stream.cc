#include "recovery/recovered_stream.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/version.h"
#include "ingest/source_plan.h"
#include "ingest/spool_owner.h"
#include "proto/recovery_terms.h"
#include "proto/time_range.h"
#include "recovery/counted_fetch.h"
#include "recovery/lookup_fetch.h"
#include "recovery/past_fetch.h"
#include "recovery/route_table.h"
#include "recovery/search_fetch.h"

namespace braid {
namespace {

// An hour of 500 posts a second.
constexpr size_t kCountedMax = 2'000'000;

}  // namespace

RecoveredStream::RecoveredStream(Loop& loop, HttpClient& http, FileSystem& files, Random& random,
                                 AttemptLedger& ledger, StreamPlan plan, Options options,
                                 std::vector<Deduper> dedupers)
    : loop_(loop),
      http_(http),
      files_(files),
      random_(random),
      ledger_(ledger),
      plan_(std::move(plan)),
      options_(std::move(options)),
      dedupers_(std::move(dedupers)) {}

absl::Status RecoveredStream::Open(std::function<void(absl::Status)> on_fatal) {
  absl::Status status = files_.CreateDir(plan_.spool_dir);
  if (!status.ok()) return status;
  Spool::Options spool_options = options_.spool;
  spool_options.dir = plan_.spool_dir;
  spool_options.owner = SpoolOwnerOf(plan_.stream, RecoverySourceOf(options_.recoverer));
  auto spool = Spool::Open(loop_, files_, random_, spool_options, std::move(on_fatal));
  if (!spool.ok()) return spool.status();
  spool_ = *std::move(spool);
  MakeOffers();
  MakeWorker();
  return absl::OkStatus();
}

void RecoveredStream::MakeOffers() {
  v1::OfferRequest::Hello identity;
  identity.set_stream(absl::StrCat("streams/", plan_.stream));
  identity.set_source_id(RecoverySourceOf(options_.recoverer));
  identity.set_network(options_.network);
  identity.set_version(std::string(Version()));
  std::vector<OfferSet::Deduper> dedupers;
  for (const Deduper& deduper : dedupers_) dedupers.push_back({deduper.dialer, deduper.name});
  offers_ = std::make_unique<OfferSet>(loop_, random_, *spool_, dedupers, identity,
                                       [this] { return Report(); });
}

void RecoveredStream::MakeWorker() {
  RecoveryWorker::Options options = options_.worker;
  options.worker_id = options_.recoverer;
  options.network = options_.network;
  options.stream = absl::StrCat("streams/", plan_.stream);
  options.jobs = plan_.jobs;
  for (const auto& [method, share] : plan_.windows) {
    AttemptLedger::Key key{plan_.source.account(),
                           absl::StrCat(plan_.dialect->name, "/", MethodWord(method))};
    windows_.emplace(method, &ledger_.WindowOf(key, share));
  }
  std::vector<WorkClient*> clients;
  for (const Deduper& deduper : dedupers_) clients.push_back(deduper.work);
  auto maker = [this](const v1::RecoveryStep& step, RecordSink& sink, Fetch::Done done) {
    return MakeFetch(step, sink, std::move(done));
  };
  MutexLock lock(&worker_mu_);
  worker_ = std::make_unique<RecoveryWorker>(loop_, random_, *spool_, clients, options, maker,
                                             windows_, [this] { ledger_.Save(); });
}

absl::StatusOr<std::unique_ptr<Fetch>> RecoveredStream::MakeFetch(const v1::RecoveryStep& step,
                                                                  RecordSink& sink,
                                                                  Fetch::Done done) {
  if (step.step().method() == v1::RecoveryJob::METHOD_SEARCH) {
    return MakeSearchFetch(step, sink, std::move(done));
  }
  if (step.step().method() == v1::RecoveryJob::METHOD_LOOKUP) {
    return MakeLookupFetch(step, sink, std::move(done));
  }
  return MakePastFetch(step, sink, std::move(done));
}

PageShare RecoveredStream::ShareOf(RecoveryWorker::Method method) {
  return {windows_.at(method), [this] { ledger_.Save(); }};
}

PageShare RecoveredStream::ShareOfCounts() {
  PageShare share = ShareOf(v1::RecoveryJob::METHOD_SEARCH);
  // Gnip counts both together.
  if (plan_.counts) {
    AttemptLedger::Key key{plan_.source.account(), absl::StrCat(plan_.dialect->name, "/counts")};
    share.window = &ledger_.WindowOf(key, *plan_.counts);
  }
  share.has_place = false;
  share.is_optional = true;
  return share;
}

absl::StatusOr<std::unique_ptr<Fetch>> RecoveredStream::MakeSearchFetch(
    const v1::RecoveryStep& step, RecordSink& sink, Fetch::Done done) {
  if (!plan_.search.rules) {
    return absl::UnimplementedError(
        "nobody can tell from source.url where the rules are by which to search; write "
        "source.rules_url");
  }
  SearchFetch::Options options;
  options.source = plan_.search;
  options.wanted = IntervalOf(step.step().fetch_range());
  if (options.wanted.empty()) return absl::InvalidArgumentError("the step asks for no range");
  options.witnesses.assign(step.witness_post_ids().begin(), step.witness_post_ids().end());
  return std::make_unique<SearchFetch>(
      loop_, http_, sink, std::move(options),
      SearchFetch::Shares{ShareOf(step.step().method()), ShareOfCounts()},
      [this] { return ReadCredentials(plan_.source); }, std::move(done));
}

absl::StatusOr<std::unique_ptr<Fetch>> RecoveredStream::MakeLookupFetch(
    const v1::RecoveryStep& step, RecordSink& sink, Fetch::Done done) {
  LookupFetch::Options options;
  options.source = plan_.search;
  options.wanted = IntervalOf(step.step().fetch_range());
  options.post_ids.assign(step.post_ids().begin(), step.post_ids().end());
  if (options.post_ids.empty()) return absl::InvalidArgumentError("the step names no ids");
  return std::make_unique<LookupFetch>(
      loop_, http_, sink, std::move(options), ShareOf(step.step().method()),
      [this] { return ReadCredentials(plan_.source); }, std::move(done));
}

absl::StatusOr<std::unique_ptr<Fetch>> RecoveredStream::MakePastFetch(const v1::RecoveryStep& step,
                                                                      RecordSink& sink,
                                                                      Fetch::Done done) {
  absl::StatusOr<PastRequest> past = MakePastRequest(plan_.past, step);
  if (!past.ok()) return past.status();
  PastFetch::Options options;
  options.past = *std::move(past);
  options.witnesses.assign(step.witness_post_ids().begin(), step.witness_post_ids().end());
  options.stall_after = plan_.dialect->stall_after;
  options.reader = plan_.reader;
  auto token = [this] { return ReadCredentials(plan_.source); };
  // Where X has no final record, its counts are asked for.
  bool is_counted = plan_.counts.has_value() && plan_.search.rules.has_value();
  if (!is_counted) {
    return std::make_unique<PastFetch>(loop_, http_, sink, std::move(options), token,
                                       std::move(done));
  }
  options.counted_max = kCountedMax;
  return std::make_unique<CountedFetch>(
      loop_, http_, plan_.search, ShareOfCounts(), token,
      [&](Fetch::Done fetched) {
        return std::make_unique<PastFetch>(loop_, http_, sink, std::move(options), token,
                                           std::move(fetched));
      },
      std::move(done));
}

v1::ConnectionReport RecoveredStream::Report() const {
  v1::ConnectionReport report;
  MutexLock lock(&worker_mu_);
  bool is_busy = worker_ != nullptr && worker_->running() > 0;
  report.set_state(is_busy ? v1::ConnectionReport::STATE_RECEIVING
                           : v1::ConnectionReport::STATE_IDLE);
  return report;
}

void RecoveredStream::Start() {
  offers_->Start();
  MutexLock lock(&worker_mu_);
  worker_->Start();
}

void RecoveredStream::Drain(absl::AnyInvocable<void()> done) {
  // Its steps are leased again by somebody.
  std::unique_ptr<RecoveryWorker> worker;
  {
    MutexLock lock(&worker_mu_);
    worker.swap(worker_);
  }
  worker.reset();
  offers_->Drain(std::move(done));
}

void RecoveredStream::CollectMetrics(MetricSink& sink) const {
  MetricLabels labels = {{"stream", plan_.stream}};
  MetricLabels source = {{"stream", plan_.stream},
                         {"connection", RecoverySourceOf(options_.recoverer)}};
  spool_->CollectMetrics(sink, source);
  offers_->CollectMetrics(sink, source);
  MutexLock lock(&worker_mu_);
  if (worker_ != nullptr) worker_->CollectMetrics(sink, labels);
}

}  // namespace braid
