#include "ingest/slot_keeper.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/log.h"

namespace braid {
namespace {

// 64 connects take 6 KB.
constexpr uint64_t kFileBytesMax = 64 << 10;

// The body of a 200, read by `parse`.
template <typename Parse>
auto ReadAnswer(const absl::StatusOr<XAnswer>& answer, Parse parse) -> decltype(parse("")) {
  if (!answer.ok()) return answer.status();
  if (answer->head.status == 200) return parse(answer->body);
  return absl::UnavailableError(absl::StrCat("X answers ", answer->head.status));
}

}  // namespace

SlotKeeper::SlotKeeper(Loop& loop, HttpClient& http, FileSystem& files, const Options& options,
                       TokenSource token, Recorder record)
    : loop_(loop),
      http_(http),
      files_(files),
      options_(options),
      token_(std::move(token)),
      record_(std::move(record)) {
  Load();
}

SlotKeeper::~SlotKeeper() { loop_.Cancel(learn_timer_); }

void SlotKeeper::Load() {
  if (options_.file.empty()) return;
  absl::StatusOr<std::string> bytes = files_.Read(options_.file, 0, kFileBytesMax);
  if (bytes.ok()) own_ = OwnConnects::Decode(*bytes);
  if (bytes.ok() || absl::IsNotFound(bytes.status())) return;
  Say("connects_unreadable", bytes.status().ToString());
}

// A connect that is not remembered costs a wait for its slot, nothing else.
void SlotKeeper::Save() {
  if (options_.file.empty()) return;
  absl::Status written = files_.Replace(options_.file, own_.Encode());
  if (!written.ok()) Say("connects_unwritten", written.ToString());
}

void SlotKeeper::OnAccepted(absl::Time from, absl::Time until) {
  refusals_ = 0;
  ++accepts_;
  own_.OnAccepted(from, until);
  if (!HasConnectionsApi(options_.request)) return;
  Save();
  loop_.Cancel(learn_timer_);
  learn_timer_ = loop_.After(options_.learn_after, owner_.Wrap([this] {
    learn_timer_ = 0;
    StartList(Purpose::kLearn);
  }));
}

void SlotKeeper::OnEnded(const Verdict& verdict) {
  own_.OnClosed();
  loop_.Cancel(std::exchange(learn_timer_, 0));
  bool was_cut =
      verdict.cause == Cause::kTooManyNotice || verdict.cause == Cause::kForceDisconnect;
  bool was_refused = verdict.cause == Cause::kTooManyConnections;
  refusals_ = was_refused ? refusals_ + 1 : 0;
  if (was_cut || refusals_ >= options_.refusals) StartList(Purpose::kFree);
}

bool SlotKeeper::Spend(std::deque<absl::Time>* calls) {
  absl::Time now = loop_.Now();
  while (!calls->empty() && calls->front() <= now - options_.calls_window) calls->pop_front();
  if (calls->size() < static_cast<size_t>(options_.calls_max)) {
    calls->push_back(now);
    return true;
  }
  metrics_.over_budget.Increment();
  Say("slots_over_budget", "X's connections API was asked as often as we allow: waiting");
  return false;
}

// One at a time: a list under way that was asked for less goes on as the other.
void SlotKeeper::StartList(Purpose purpose) {
  if (!HasConnectionsApi(options_.request)) return;
  if (call_ != nullptr && (is_kill_ || purpose == Purpose::kLearn)) return;
  call_ = nullptr;
  is_kill_ = false;
  purpose_ = purpose;
  accepts_at_start_ = accepts_;
  pages_ = 0;
  list_ = XConnectionPage();
  AskPage("");
}

void SlotKeeper::AskPage(const std::string& page_token) {
  if (!Spend(&list_times_)) return;
  ++pages_;
  metrics_.lists.Increment();
  absl::StatusOr<std::string> token = token_();
  absl::StatusOr<HttpRequest> request =
      token.ok() ? BuildListConnections(options_.request, *token, page_token)
                 : absl::StatusOr<HttpRequest>(token.status());
  if (!request.ok()) return OnPage(request.status());
  call_ = std::make_unique<XCall>(
      loop_, http_, options_.call, *std::move(request),
      [this](absl::StatusOr<XAnswer> answer) { OnPage(std::move(answer)); });
}

void SlotKeeper::OnPage(absl::StatusOr<XAnswer> answer) {
  call_ = nullptr;
  absl::StatusOr<XConnectionPage> page = ReadAnswer(answer, ParseConnectionPage);
  // Half a list would make the other half's owner look alone.
  if (page.ok() && !page->next_token.empty() && pages_ == options_.pages_max) {
    page = absl::ResourceExhaustedError("X lists more connections than we read");
  }
  if (!page.ok()) {
    metrics_.list_failures.Increment();
    return Say("slots_list_failed", page.status().ToString());
  }
  list_.unreadable += page->unreadable;
  list_.connections.insert(list_.connections.end(),
                           std::make_move_iterator(page->connections.begin()),
                           std::make_move_iterator(page->connections.end()));
  if (!page->next_token.empty()) return AskPage(page->next_token);
  OnList();
}

void SlotKeeper::OnList() {
  // Of other endpoints, should X not heed the parameter.
  auto& listed = list_.connections;
  listed.erase(std::remove_if(listed.begin(), listed.end(),
                              [this](const XConnection& entry) {
                                return entry.endpoint_name !=
                                           options_.request.dialect->endpoint_id ||
                                       !entry.is_active();
                              }),
               listed.end());
  metrics_.listed.Set(static_cast<double>(listed.size()));
  if (list_.unreadable > 0) {
    metrics_.list_failures.Increment();
    return Say("slots_list_failed",
               absl::StrCat(list_.unreadable, " entries can not be read: nothing is concluded"));
  }
  if (purpose_ == Purpose::kLearn) return OnLearned();
  FreeStale();
}

void SlotKeeper::OnLearned() {
  // Another connection than the one that was asked for, or none: proves nothing.
  if (!own_.has_open() || accepts_ != accepts_at_start_) return;
  switch (own_.Learn(list_.connections)) {
    case OwnConnects::Learned::kId:
      Save();
      return Say("slots_learned", absl::StrCat("X lists this connection as ",
                                               own_.connects().back().id));
    case OwnConnects::Learned::kAmbiguous:
      metrics_.ambiguous.Increment();
      return Say("slots_ambiguous", "others began with this connection: it will not be ended by id");
    case OwnConnects::Learned::kAbsent:
      return Say("slots_absent", "X does not list this connection");
  }
}

void SlotKeeper::FreeStale() {
  // What is open by now is kept apart by StaleConnections.
  StaleDecision decision = StaleConnections(list_.connections, own_);
  Say("slots_listed",
      absl::StrCat("X counts ", list_.connections.size(), " connections, allowed ",
                   options_.request.dialect->slots, " a partition; stale and ours: ",
                   decision.stale.size(), "; may be ours or another's: ",
                   decision.ambiguous.size()));
  if (!decision.ambiguous.empty()) {
    metrics_.ambiguous.Increment();
    Say("slots_ambiguous",
        absl::StrCat("began when we connected, perhaps another's, left alone: ",
                     absl::StrJoin(decision.ambiguous, " ")));
  }
  if (decision.stale.empty() || own_.has_open()) return;
  decision.stale.resize(std::min(decision.stale.size(), kKillsMax));
  StartKill(std::move(decision.stale));
}

void SlotKeeper::StartKill(std::vector<std::string> ids) {
  if (!Spend(&kill_times_)) return;
  absl::StatusOr<std::string> token = token_();
  absl::StatusOr<HttpRequest> request =
      token.ok() ? BuildKillConnections(options_.request, *token, ids)
                 : absl::StatusOr<HttpRequest>(token.status());
  if (!request.ok()) return OnKills(request.status());
  Say("slots_killing", absl::StrCat("ours, and their sockets are closed: ",
                                    absl::StrJoin(ids, " ")));
  is_kill_ = true;
  call_ = std::make_unique<XCall>(
      loop_, http_, options_.call, *std::move(request),
      [this](absl::StatusOr<XAnswer> answer) { OnKills(std::move(answer)); });
}

void SlotKeeper::OnKills(absl::StatusOr<XAnswer> answer) {
  call_ = nullptr;
  absl::StatusOr<std::vector<XKill>> kills = ReadAnswer(answer, ParseKills);
  if (!kills.ok()) {
    metrics_.kill_failures.Increment();
    return Say("slots_kill_failed", kills.status().ToString());
  }
  for (const XKill& kill : *kills) {
    (kill.success ? metrics_.kills : metrics_.kill_failures).Increment();
    if (kill.success) own_.Forget(kill.id);
    Say(kill.success ? "slots_killed" : "slots_kill_failed", absl::StrCat(kill.id, " ", kill.error));
  }
  Save();
}

void SlotKeeper::Say(absl::string_view event, absl::string_view detail) {
  Log(event == "slots_learned" ? LogLevel::kInfo : LogLevel::kWarn, event, "connections as X counts them",
      {{"connection", options_.request.connection}, {"detail", std::string(detail)}});
  record_(event, detail);
}

void SlotKeeper::CollectMetrics(MetricSink& sink, const MetricLabels& labels) const {
  auto count = [&](absl::string_view name, absl::string_view help, const Counter& counter) {
    sink.AddCounter(name, help, labels, static_cast<double>(counter.value()));
  };
  count("braid_slots_lists_total", "Lists of connections asked of X.", metrics_.lists);
  count("braid_slots_list_failures_total", "Of those without a usable answer.",
        metrics_.list_failures);
  count("braid_slots_kills_total", "Stale connections of ours that X ended for us.",
        metrics_.kills);
  count("braid_slots_kill_failures_total", "Those that it did not end.", metrics_.kill_failures);
  count("braid_slots_ambiguous_total",
        "Lists in which another's connection could not be told from ours.", metrics_.ambiguous);
  count("braid_slots_over_budget_total", "Calls left out for our own limit; expect zero.",
        metrics_.over_budget);
  sink.AddGauge("braid_slots_listed", "Connections to the endpoint, as X last listed them.",
                labels, metrics_.listed.value());
}

}  // namespace braid
