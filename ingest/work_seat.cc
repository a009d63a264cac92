#include "ingest/work_seat.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "proto/proto_time.h"

namespace braid {

bool IsStaleLease(const absl::Status& status) {
  return absl::IsAborted(status) || absl::IsNotFound(status) || absl::IsInvalidArgument(status);
}

void WorkSeat::Start() {
  Ask();
  Watch();
}

void WorkSeat::SetAsking(bool asks) {
  asks_ = asks;
  Ask();
}

void WorkSeat::Ask() {
  if (!asks_ || is_asking_ || work_.has_value()) return;
  is_asking_ = true;
  client_.Lease(options_.request, owner_.Wrap([this, sent = loop_.Now()](auto response) {
    OnLease(sent, std::move(response));
  }));
}

void WorkSeat::AskLater() {
  is_asking_ = true;
  loop_.After(options_.ask_interval, owner_.Wrap([this] {
    is_asking_ = false;
    Ask();
  }));
}

void WorkSeat::OnLease(absl::Time sent, absl::StatusOr<v1::LeaseResponse> response) {
  if (!response.ok() || !response->has_work()) return AskLater();
  is_asking_ = false;
  work_ = std::move(*response->mutable_work());
  lease_end_ = sent + ToDuration(work_->lease());
  is_cancelled_ = false;
  Log(LogLevel::kInfo, "work_taken", "a task of a deduper",
      {{"work", work_->name()}, {"fence", work_->fence()}});
  Renew();
  handler_->OnTaken(*this);
}

void WorkSeat::Renew() {
  if (!work_.has_value() || is_renewing_) return;
  is_renewing_ = true;
  v1::RenewRequest request;
  request.set_name(work_->name());
  request.set_fence(work_->fence());
  client_.Renew(request, owner_.Wrap([this, sent = loop_.Now(), fence = request.fence(),
                                      name = request.name()](auto response) {
    is_renewing_ = false;
    bool is_ours = work_.has_value() && work_->name() == name && work_->fence() == fence;
    if (is_ours) OnRenewed(sent, response);
  }));
}

void WorkSeat::OnRenewed(absl::Time sent, const absl::StatusOr<v1::RenewResponse>& response) {
  if (!response.ok()) {
    if (IsStaleLease(response.status())) Lose(response.status());
    return;
  }
  lease_end_ = std::max(lease_end_, sent + ToDuration(response->lease()));
  if (!response->cancelled() || !is_working() || std::exchange(is_cancelled_, true)) return;
  handler_->OnCancelled(*this);
}

void WorkSeat::CheckLease() {
  if (is_working() && loop_.Now() >= lease_end_) {
    Lose(absl::DeadlineExceededError("the lease could not be renewed in time"));
  }
}

void WorkSeat::Report(const v1::WorkProgress& progress) {
  if (!is_working()) return;
  v1::ReportRequest request;
  request.set_name(work_->name());
  request.set_fence(work_->fence());
  *request.mutable_progress() = progress;
  // One that is lost is followed by another.
  client_.Report(request, [](auto) {});
}

void WorkSeat::Complete(v1::CompleteRequest request) {
  if (!is_working()) return;
  request.set_name(work_->name());
  request.set_fence(work_->fence());
  completion_ = std::move(request);
  Tell();
}

void WorkSeat::Tell() {
  if (!completion_.has_value() || is_completing_) return;
  is_completing_ = true;
  client_.Complete(*completion_, owner_.Wrap([this, name = completion_->name()](auto response) {
    is_completing_ = false;
    bool is_ours = completion_.has_value() && completion_->name() == name;
    // Told again by Watch.
    if (!is_ours || (!response.ok() && !IsStaleLease(response.status()))) return;
    if (!response.ok()) return Lose(response.status());
    completion_.reset();
    work_.reset();
    Ask();
  }));
}

void WorkSeat::Lose(const absl::Status& status) {
  Log(LogLevel::kWarn, "work_lost", "the lease ended before the task",
      {{"work", work_->name()}, {"error", status}});
  work_.reset();
  completion_.reset();
  AskLater();
  handler_->OnLost(*this);
}

void WorkSeat::Watch() {
  Renew();
  Tell();
  loop_.After(options_.renew_interval, owner_.Wrap([this] { Watch(); }));
}

}  // namespace braid
