#include "dedupe/recovery_service.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/hash.h"
#include "dedupe/access.h"
#include "dedupe/grpc_calls.h"
#include "dedupe/keys.h"
#include "dedupe/numbered.h"
#include "dedupe/stream_name.h"
#include "proto/proto_time.h"
#include "proto/reason.h"
#include "proto/recovery_terms.h"

namespace braid {
namespace {

using store::v1::RecoveryInput;
using store::v1::StoredJob;

// They are stored and shown.
constexpr size_t kReasonMax = 200;
constexpr size_t kRequestIdMax = 200;
constexpr absl::Duration kMarginMax = absl::Hours(1);
// A signed number at X.
constexpr uint64_t kPostIdMax = std::numeric_limits<int64_t>::max();
// How soon a watcher hears of a change.
constexpr absl::Duration kWatchInterval = absl::Milliseconds(500);
constexpr absl::Duration kWatchHeartbeat = absl::Seconds(10);

// What the core answers, with a reason that programs can act on.
absl::Status WithReason(const absl::Status& status) {
  const char* reason = nullptr;
  switch (status.code()) {
    case absl::StatusCode::kFailedPrecondition:
      reason = "RANGE_NOT_RECOVERABLE";
      break;
    case absl::StatusCode::kNotFound:
      reason = "UNKNOWN_GAP";
      break;
    case absl::StatusCode::kResourceExhausted:
      reason = "TOO_MANY_JOBS";
      break;
    default:
      return status;
  }
  return ReasonError(status.code(), status.message(), {reason, {}});
}

absl::StatusOr<StoredJob> ReadJob(const Store& store, uint64_t number, const std::string& name) {
  absl::StatusOr<std::string> bytes = store.Get(Table::kMeta, EncodeJobKey(number));
  if (absl::IsNotFound(bytes.status())) {
    return ReasonError(absl::StatusCode::kNotFound, absl::StrCat("there is no ", name),
                       {"UNKNOWN_RECOVERY_JOB", {{"job", name}}});
  }
  if (!bytes.ok()) return bytes.status();
  StoredJob job;
  if (!job.ParseFromString(*bytes)) return absl::DataLossError("the job can not be read");
  return job;
}

uint64_t HashArguments(const v1::ListRecoveryJobsRequest& request) {
  std::string text = request.parent();
  for (int state : request.states()) absl::StrAppend(&text, "\n", state);
  return Hash64(text);
}

absl::Status CheckPostIds(const v1::CreateRecoveryJobRequest& request) {
  const std::set<uint64_t> distinct(request.post_ids().begin(), request.post_ids().end());
  if (distinct.size() > kLookupIdsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("X looks up at most ", kLookupIdsMax, " posts at once: ask in several jobs"));
  }
  if (distinct.size() < static_cast<size_t>(request.post_ids_size())) {
    return absl::InvalidArgumentError("an id is there twice in post_ids");
  }
  if (*distinct.begin() == 0 || *distinct.rbegin() > kPostIdMax) {
    return absl::InvalidArgumentError("a post's id is 1 to 9223372036854775807");
  }
  if (request.method() != v1::RecoveryJob::METHOD_UNSPECIFIED &&
      request.method() != v1::RecoveryJob::METHOD_LOOKUP) {
    return absl::InvalidArgumentError("posts are had by their ids with method LOOKUP alone");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::RecoveryJob> GetRecoveryJob(const RecoveryStreams& streams,
                                               const std::string& name) {
  absl::StatusOr<NumberedName> parsed = ParseNumberedName(name, "recoveryJobs");
  if (!parsed.ok()) return parsed.status();
  auto stream = FindByStreamName(streams, parsed->stream);
  if (!stream.ok()) return stream.status();
  absl::StatusOr<StoredJob> job = ReadJob(*(*stream)->store, parsed->number, name);
  if (!job.ok()) return job.status();
  return std::move(*job->mutable_job());
}

absl::StatusOr<v1::ListRecoveryJobsResponse> ListRecoveryJobs(
    const RecoveryStreams& streams, const v1::ListRecoveryJobsRequest& request) {
  auto stream = FindByStreamName(streams, request.parent());
  if (!stream.ok()) return stream.status();
  absl::StatusOr<int> size = PageSizeOf(request.page_size());
  if (!size.ok()) return size.status();
  absl::StatusOr<uint64_t> start = NumberPageStart(request.page_token(), HashArguments(request));
  if (!start.ok()) return start.status();
  v1::ListRecoveryJobsResponse page;
  bool readable = true;
  auto visit = [&](absl::string_view key, absl::string_view value) {
    StoredJob job;
    if (!absl::ConsumePrefix(&key, kMetaJobPrefix)) return false;
    readable = job.ParseFromArray(value.data(), static_cast<int>(value.size()));
    if (!readable) return false;
    const auto& states = request.states();
    bool matches =
        states.empty() || std::count(states.begin(), states.end(), job.job().state()) > 0;
    if (!matches) return true;
    if (page.recovery_jobs_size() == *size) {
      page.set_next_page_token(NumberPageToken(job.number(), HashArguments(request)));
      return false;
    }
    *page.add_recovery_jobs() = std::move(*job.mutable_job());
    return true;
  };
  absl::Status status = (*stream)->store->ScanBack(Table::kMeta, EncodeJobKey(*start), visit);
  if (!status.ok()) return status;
  if (!readable) return absl::DataLossError("a recovery job can not be read");
  return page;
}

absl::StatusOr<RecoveryInput::Create> CreateInputOf(const v1::CreateRecoveryJobRequest& request,
                                                    const std::string& requester) {
  RecoveryInput::Create create;
  const int ways = (request.gap().empty() ? 0 : 1) + (request.has_range() ? 1 : 0) +
                   (request.post_ids().empty() ? 0 : 1);
  if (ways != 1) {
    return absl::InvalidArgumentError("exactly one of range, gap and post_ids is needed");
  }
  if (request.reason().size() > kReasonMax || request.request_id().size() > kRequestIdMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("reason and request_id take at most ", kReasonMax, " bytes each"));
  }
  if (!request.gap().empty()) {
    absl::StatusOr<NumberedName> gap = ParseNumberedName(request.gap(), "gaps");
    if (!gap.ok()) return gap.status();
    if (gap->stream != request.parent()) {
      return absl::InvalidArgumentError("the gap is of another stream than parent");
    }
    create.set_gap(gap->number);
  } else if (!request.post_ids().empty()) {
    absl::Status checked = CheckPostIds(request);
    if (!checked.ok()) return checked;
    *create.mutable_post_ids() = request.post_ids();
  } else {
    create.set_from_micros(absl::ToUnixMicros(ToTime(request.range().start_time())));
    create.set_until_micros(absl::ToUnixMicros(ToTime(request.range().end_time())));
    if (!request.range().has_start_time() || !request.range().has_end_time() ||
        create.from_micros() < 0 || create.from_micros() >= create.until_micros()) {
      return absl::InvalidArgumentError("range needs a start_time and a later end_time");
    }
  }
  if (!v1::RecoveryJob::Method_IsValid(request.method())) {
    return absl::InvalidArgumentError("method is none that this version knows");
  }
  create.set_margin_micros(-1);
  if (request.has_margin()) {
    absl::Duration margin = ToDuration(request.margin());
    if (margin < absl::ZeroDuration() || margin > kMarginMax) {
      return absl::InvalidArgumentError("margin is not between 0 and 1 h");
    }
    create.set_margin_micros(absl::ToInt64Microseconds(margin));
  }
  create.set_method(request.method());
  create.set_partition(request.partition());
  create.set_request_id(request.request_id());
  create.set_requester(requester);
  create.set_reason(request.reason());
  return create;
}

grpc::ServerUnaryReactor* RecoveryServiceImpl::CreateRecoveryJob(
    grpc::CallbackServerContext* context, const v1::CreateRecoveryJobRequest* request,
    v1::RecoveryJob* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto finish = [reactor](const absl::Status& status) {
    reactor->Finish(ToGrpcStatus(status));
    return reactor;
  };
  // Looking at a plan reads.
  absl::Status access = CheckAccess(*context->auth_context(),
                                    request->validate_only() ? Access::kRead : Access::kOperate);
  if (!access.ok()) return finish(access);
  auto stream = FindByStreamName(streams_, request->parent());
  if (!stream.ok()) return finish(stream.status());
  std::string requester = PeerName(*context->auth_context());
  if (requester.empty()) requester = "somebody without a certificate";
  absl::StatusOr<RecoveryInput::Create> create = CreateInputOf(*request, requester);
  if (!create.ok()) return finish(create.status());
  if (request->validate_only()) {
    (*stream)->preview(*std::move(create), [finish, response](RecoveryStream::Plan plan) {
      if (plan.ok()) *response = *std::move(plan);
      finish(WithReason(plan.status()));
    });
    return reactor;
  }
  RecoveryInput input;
  *input.mutable_create() = *std::move(create);
  (*stream)->apply(std::move(input), [this, stream = *stream, finish, response,
                                      parent = request->parent()](RecoveryAnswer answer) {
    if (!answer.status.ok()) return void(finish(WithReason(answer.status)));
    pool_.Post([stream, finish, response, number = answer.number, parent] {
      std::string name = absl::StrCat(parent, "/recoveryJobs/", number);
      absl::StatusOr<StoredJob> job = ReadJob(*stream->store, number, name);
      if (job.ok()) *response = std::move(*job->mutable_job());
      finish(job.status());
    });
  });
  return reactor;
}

grpc::ServerUnaryReactor* RecoveryServiceImpl::GetRecoveryJob(
    grpc::CallbackServerContext* context, const v1::GetRecoveryJobRequest* request,
    v1::RecoveryJob* response) {
  return AnswerOnPool(context, pool_, Access::kRead, request, response,
                      [this](const v1::GetRecoveryJobRequest& r) {
                        return braid::GetRecoveryJob(streams_, r.name());
                      });
}

grpc::ServerUnaryReactor* RecoveryServiceImpl::ListRecoveryJobs(
    grpc::CallbackServerContext* context, const v1::ListRecoveryJobsRequest* request,
    v1::ListRecoveryJobsResponse* response) {
  return AnswerOnPool(context, pool_, Access::kRead, request, response,
                      [this](const v1::ListRecoveryJobsRequest& r) {
                        return braid::ListRecoveryJobs(streams_, r);
                      });
}

grpc::ServerWriteReactor<v1::WatchRecoveryJobResponse>* RecoveryServiceImpl::WatchRecoveryJob(
    grpc::CallbackServerContext* context, const v1::WatchRecoveryJobRequest* request) {
  absl::Status access = CheckAccess(*context->auth_context(), Access::kRead);
  if (!access.ok()) return RefuseWrites<v1::WatchRecoveryJobResponse>(access);
  using Call = PolledWrites<v1::WatchRecoveryJobResponse>;
  auto told = std::make_shared<std::string>();
  auto look = [this, told, name = request->name()]() -> absl::StatusOr<Call::Found> {
    absl::StatusOr<v1::RecoveryJob> job = braid::GetRecoveryJob(streams_, name);
    if (!job.ok()) return job.status();
    Call::Found found;
    found.is_last = IsEnded(job->state());
    std::string bytes = job->SerializeAsString();
    if (std::exchange(*told, bytes) == bytes) return found;
    *found.responses.emplace_back().mutable_recovery_job() = *std::move(job);
    return found;
  };
  return Call::Start(
      pool_, {kWatchInterval, kWatchHeartbeat}, [this] { return draining_.load(); },
      std::move(look));
}

grpc::ServerUnaryReactor* RecoveryServiceImpl::CancelRecoveryJob(
    grpc::CallbackServerContext* context, const v1::CancelRecoveryJobRequest* request,
    v1::RecoveryJob* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto finish = [reactor](const absl::Status& status) {
    reactor->Finish(ToGrpcStatus(status));
    return reactor;
  };
  absl::Status access = CheckAccess(*context->auth_context(), Access::kOperate);
  if (!access.ok()) return finish(access);
  absl::StatusOr<NumberedName> name = ParseNumberedName(request->name(), "recoveryJobs");
  if (!name.ok()) return finish(name.status());
  auto stream = FindByStreamName(streams_, name->stream);
  if (!stream.ok()) return finish(stream.status());
  RecoveryInput input;
  input.set_cancel(name->number);
  (*stream)->apply(std::move(input), [this, finish, response,
                                      full_name = request->name()](RecoveryAnswer answer) {
    if (!answer.status.ok()) {
      bool has_ended = absl::IsFailedPrecondition(answer.status);
      return void(finish(
          ReasonError(answer.status.code(), answer.status.message(),
                      {has_ended ? "JOB_ENDED" : "UNKNOWN_RECOVERY_JOB", {{"job", full_name}}})));
    }
    pool_.Post([this, finish, response, full_name] {
      absl::StatusOr<v1::RecoveryJob> job = braid::GetRecoveryJob(streams_, full_name);
      if (job.ok()) *response = *std::move(job);
      finish(job.status());
    });
  });
  return reactor;
}

grpc::ServerUnaryReactor* RecoveryServiceImpl::GetRecoveryQuota(
    grpc::CallbackServerContext* context, const v1::GetRecoveryQuotaRequest* request,
    v1::RecoveryQuota* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::Status status = CheckAccess(*context->auth_context(), Access::kRead);
  auto stream = FindByStreamName(streams_, request->stream());
  if (status.ok()) status = stream.status();
  if (!status.ok()) {
    reactor->Finish(ToGrpcStatus(status));
    return reactor;
  }
  (*stream)->quota([reactor, response](v1::RecoveryQuota quota) {
    *response = std::move(quota);
    reactor->Finish(grpc::Status::OK);
  });
  return reactor;
}

}  // namespace braid
