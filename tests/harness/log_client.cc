#include "tests/harness/log_client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "braid/v1/admin_service.grpc.pb.h"
#include "braid/v1/gap_service.grpc.pb.h"
#include "braid/v1/stream_service.grpc.pb.h"
#include "tests/harness/files.h"
#include "tests/harness/frames.h"
#include "tests/harness/wait.h"

namespace braid::harness {
namespace {

// Two full frames of 2 MiB lines and their envelope; gRPC's own limit is 4 MiB.
constexpr int kReceiveBytesMax = 64 << 20;

std::shared_ptr<grpc::ChannelCredentials> CredentialsFor(const LogAddress& address) {
  if (address.certificate_dir.empty()) return grpc::InsecureChannelCredentials();
  auto file = [&](const char* name) {
    return ReadFile(absl::StrCat(address.certificate_dir, "/", name)).value_or("");
  };
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = file("ca.crt");
  options.pem_cert_chain = file("operator.crt");
  options.pem_private_key = file("operator.key");
  return grpc::SslCredentials(options);
}

std::shared_ptr<grpc::Channel> Dial(const LogAddress& address) {
  grpc::ChannelArguments arguments;
  // A restarted deduper is found again at once; gRPC's defaults wait 1 to 120 s.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  arguments.SetMaxReceiveMessageSize(kReceiveBytesMax);
  // A channel of its own: a shared one would share its back-off too.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address.deduper, CredentialsFor(address), arguments);
}

std::string StreamName(const LogAddress& address) {
  return absl::StrCat("streams/", address.stream);
}

absl::Status ToStatus(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

void SetDeadline(grpc::ClientContext* context, absl::Duration timeout) {
  context->set_deadline(absl::ToChronoTime(absl::Now() + timeout));
}

v1::TailEventsRequest MakeRequest(const LogAddress& address, uint64_t from) {
  v1::TailEventsRequest request;
  request.set_parent(StreamName(address));
  request.set_order(v1::READ_ORDER_ARRIVAL);
  request.set_view(v1::EVENT_VIEW_FULL);
  request.set_accept_frames(true);
  if (from == 0) {
    request.mutable_start()->set_earliest(true);
  } else {
    request.mutable_start()->set_sequence(from);
  }
  return request;
}

// Single events take one sequence each; frames are numbered by the decoder.
absl::Status AppendItems(const v1::TailEventsResponse& response, std::vector<LogItem>* items) {
  const size_t before = items->size();
  for (const v1::LogFrame& frame : response.frames()) {
    absl::Status decoded = DecodeFrame(frame, [items](const SeenEvent& event) {
      items->push_back({event.sequence, event.id});
    });
    if (!decoded.ok()) return decoded;
  }
  for (const v1::Event& event : response.events()) {
    items->push_back({event.sequence(), event.kind() == v1::EVENT_KIND_POST ? event.id() : 0});
  }
  for (const v1::StreamNotice& notice : response.notices())
    items->push_back({notice.sequence(), 0});
  // A response holds its events and then its notices.
  std::stable_sort(items->begin() + static_cast<ptrdiff_t>(before), items->end(),
                   [](const LogItem& a, const LogItem& b) { return a.sequence < b.sequence; });
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<LogItem>> ExportLog(const LogAddress& address, absl::Duration timeout) {
  auto stub = v1::StreamService::NewStub(Dial(address));
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  SetDeadline(&context, timeout);
  v1::TailEventsRequest request = MakeRequest(address, 0);
  request.set_stop_at_end(true);
  auto reader = stub->TailEvents(&context, request);
  std::vector<LogItem> items;
  v1::TailEventsResponse response;
  absl::Status decoded;
  while (decoded.ok() && reader->Read(&response)) {
    decoded = AppendItems(response, &items);
  }
  if (!decoded.ok()) context.TryCancel();
  grpc::Status finished = reader->Finish();
  if (!decoded.ok()) return decoded;
  if (!finished.ok()) return ToStatus(finished);
  return items;
}

absl::StatusOr<v1::StreamStatus> GetStatus(const LogAddress& address, absl::Duration deadline) {
  auto stub = v1::AdminService::NewStub(Dial(address));
  grpc::ClientContext context;
  SetDeadline(&context, deadline);
  v1::GetStatusRequest request;
  request.set_stream(StreamName(address));
  v1::StreamStatus status;
  grpc::Status finished = stub->GetStatus(&context, request, &status);
  if (!finished.ok()) return ToStatus(finished);
  return status;
}

absl::StatusOr<std::vector<v1::Gap>> ListGaps(const LogAddress& address) {
  auto stub = v1::GapService::NewStub(Dial(address));
  std::vector<v1::Gap> gaps;
  v1::ListGapsRequest request;
  request.set_parent(StreamName(address));
  do {
    grpc::ClientContext context;
    SetDeadline(&context, absl::Seconds(10));
    v1::ListGapsResponse page;
    grpc::Status finished = stub->ListGaps(&context, request, &page);
    if (!finished.ok()) return ToStatus(finished);
    gaps.insert(gaps.end(), page.gaps().begin(), page.gaps().end());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return gaps;
}

absl::StatusOr<bool> HasEvent(const LogAddress& address, uint64_t id) {
  auto stub = v1::StreamService::NewStub(Dial(address));
  grpc::ClientContext context;
  SetDeadline(&context, absl::Seconds(10));
  v1::GetEventRequest request;
  request.set_name(absl::StrCat(StreamName(address), "/events/", id));
  v1::Event event;
  grpc::Status finished = stub->GetEvent(&context, request, &event);
  if (finished.error_code() == grpc::StatusCode::NOT_FOUND) return false;
  if (!finished.ok()) return ToStatus(finished);
  return true;
}

struct LogFollower::Call {
  std::shared_ptr<grpc::Channel> channel;
  grpc::ClientContext context;
};

LogFollower::LogFollower(LogAddress address, Handler handler)
    : address_(std::move(address)), handler_(std::move(handler)), thread_([this] { Run(); }) {}

LogFollower::~LogFollower() {
  stop_.store(true);
  {
    MutexLock lock(&mu_);
    if (call_ != nullptr) call_->context.TryCancel();
  }
  thread_.join();
}

std::string LogFollower::last_error() {
  MutexLock lock(&mu_);
  return last_error_;
}

void LogFollower::Run() {
  std::shared_ptr<grpc::Channel> channel = Dial(address_);
  while (!stop_.load()) {
    Call call{channel, {}};
    call.context.set_wait_for_ready(true);
    {
      MutexLock lock(&mu_);
      call_ = &call;
    }
    // Stopped between the check above and here: nobody would cancel this call.
    if (stop_.load()) call.context.TryCancel();
    ReadOnce(call);
    MutexLock lock(&mu_);
    call_ = nullptr;
  }
}

void LogFollower::ReadOnce(Call& call) {
  calls_.fetch_add(1);
  auto stub = v1::StreamService::NewStub(call.channel);
  auto reader = stub->TailEvents(&call.context, MakeRequest(address_, next_sequence_.load()));
  v1::TailEventsResponse response;
  bool any = false;
  while (reader->Read(&response)) {
    any = true;
    handler_(response, absl::Now());
    if (response.has_position()) next_sequence_.store(response.position().next_sequence());
  }
  grpc::Status finished = reader->Finish();
  // Refused at once: asked again soon, but not in a tight loop.
  if (!any && !stop_.load()) LetPass(absl::Milliseconds(50));
  MutexLock lock(&mu_);
  last_error_ = finished.error_message();
}

}  // namespace braid::harness
