#include "ingest/usage_reader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "ingest/x_error.h"
#include "ingest/x_request.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

v1::XUsage ToProto(const XUsage& usage, absl::Time observed) {
  v1::XUsage out;
  SetTime(observed, out.mutable_observe_time());
  out.set_reset_day(static_cast<uint32_t>(usage.reset_day));
  out.set_project_cap(usage.project_cap);
  out.set_project_posts(usage.project_usage);
  for (const auto& [date, posts] : usage.days) {
    v1::XUsage::Day* day = out.add_days();
    day->set_date(date);
    day->set_posts(posts);
  }
  return out;
}

// Anything else is said again for nothing.
bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsCancelled(status);
}

}  // namespace

UsageReader::UsageReader(Loop& loop, HttpClient& http, const std::vector<WorkClient*>& dedupers,
                         Options options, Authorization authorization)
    : loop_(loop),
      http_(http),
      options_(std::move(options)),
      authorization_(std::move(authorization)) {
  for (WorkClient* client : dedupers) {
    desks_.push_back(std::make_unique<Desk>());
    desks_.back()->client = client;
  }
}

void UsageReader::Start() { AskAfter(absl::ZeroDuration()); }

void UsageReader::AskAfter(absl::Duration delay) {
  loop_.After(delay, owner_.Wrap([this] { Ask(); }));
}

void UsageReader::FailAndAskAfter(absl::Duration delay, const std::string& why) {
  failures_.Increment();
  Log(LogLevel::kWarn, "usage_not_read", "X did not say what it counts",
      {{"stream", options_.stream}, {"error", why}, {"next_in", delay}});
  AskAfter(delay);
}

void UsageReader::Ask() {
  absl::StatusOr<std::string> authorization = authorization_();
  if (!authorization.ok()) {
    return FailAndAskAfter(options_.retry_interval, std::string(authorization.status().message()));
  }
  HttpRequest request;
  request.url = options_.url;
  AddIdentity(*std::move(authorization), options_.user_agent, &request);
  request.ca_file = options_.ca_file;
  call_ = std::make_unique<RestCall>(loop_, http_, std::move(request), options_.call,
                                     [this](RestAnswer answer) {
                                       call_.reset();
                                       OnAnswer(answer);
                                     });
}

void UsageReader::OnAnswer(const RestAnswer& answer) {
  if (answer.status == 0) return FailAndAskAfter(options_.retry_interval, answer.failure);
  if (answer.status != 200) {
    // What X refuses it refuses again, and a limit is over after its window.
    bool is_fault = answer.status >= 500;
    return FailAndAskAfter(is_fault ? options_.retry_interval : options_.interval,
                           absl::StrCat("X answered ", answer.status));
  }
  absl::StatusOr<XUsage> usage = ParseUsage(answer.body);
  if (!usage.ok()) {
    return FailAndAskAfter(options_.interval, std::string(usage.status().message()));
  }
  answers_.Increment();
  v1::ReportUsageRequest news;
  news.set_stream(options_.stream);
  *news.mutable_usage() = ToProto(*usage, DateOf(answer.head).value_or(loop_.WallNow()));
  for (auto& desk : desks_) {
    desk->news = news;
    Tell(desk.get());
  }
  AskAfter(options_.interval);
}

void UsageReader::Tell(Desk* desk) {
  if (!desk->news.has_value() || desk->is_telling) return;
  desk->is_telling = true;
  v1::ReportUsageRequest request = *std::exchange(desk->news, absl::nullopt);
  desk->client->ReportUsage(request, owner_.Wrap([this, desk, request](auto response) {
    desk->is_telling = false;
    if (response.ok() || !IsTransient(response.status())) return Tell(desk);
    // Unless there is something newer by now.
    if (!desk->news.has_value()) desk->news = request;
    loop_.After(options_.tell_interval, owner_.Wrap([this, desk] { Tell(desk); }));
  }));
}

void UsageReader::CollectMetrics(MetricSink& sink, const MetricLabels& labels) const {
  sink.AddCounter("braid_worker_usage_answers_total", "X said what it counts.", labels,
                  static_cast<double>(answers_.value()));
  sink.AddCounter("braid_worker_usage_failures_total", "X was asked and did not say.", labels,
                  static_cast<double>(failures_.value()));
}

}  // namespace braid
