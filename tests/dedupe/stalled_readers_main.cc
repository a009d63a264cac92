// stalled_readers ADDRESS COUNT READS REQUEST
//
// So many readers of one stream, each over a connection of its own, that take
// READS batches and leave the rest where it is. REQUEST is a
// v1::TailEventsRequest as text. Writes a line to stdout when all have come so
// far, and waits to be killed. A process of its own, so that what the reading
// side's gRPC holds, which is more, is not counted as the server's; with
// reactors, so that its pings are answered as those of a reader that is alive.

#include <google/protobuf/text_format.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "braid/v1/stream_service.grpc.pb.h"

namespace braid {
namespace {

std::atomic<int> under_way{0};

class StalledReader final : public grpc::ClientReadReactor<v1::TailEventsResponse> {
 public:
  StalledReader(const std::shared_ptr<grpc::Channel>& channel, int reads,
                const v1::TailEventsRequest& request)
      : stub_(v1::StreamService::NewStub(channel)), reads_(reads) {
    stub_->async()->TailEvents(&context_, &request, this);
    StartRead(&batch_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (--reads_ > 0) return StartRead(&batch_);
    if (under_way.fetch_sub(1) == 1) {
      std::printf("stalled\n");
      std::fflush(stdout);
    }
  }
  void OnDone(const grpc::Status& status) override {
    std::printf("ended: %s\n", status.error_message().c_str());
    std::fflush(stdout);
  }

 private:
  std::unique_ptr<v1::StreamService::Stub> stub_;
  int reads_;
  grpc::ClientContext context_;
  v1::TailEventsResponse batch_;
};

int Main(int argc, char** argv) {
  v1::TailEventsRequest request;
  if (argc != 5 || !google::protobuf::TextFormat::ParseFromString(argv[4], &request)) return 2;
  const int count = std::atoi(argv[2]);
  under_way = count;
  grpc::ChannelArguments own_connection;
  own_connection.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  std::vector<std::unique_ptr<StalledReader>> readers;
  for (int i = 0; i < count; ++i) {
    auto channel =
        grpc::CreateCustomChannel(argv[1], grpc::InsecureChannelCredentials(), own_connection);
    readers.push_back(std::make_unique<StalledReader>(channel, std::atoi(argv[3]), request));
  }
  while (true) pause();
}

}  // namespace
}  // namespace braid

int main(int argc, char** argv) { return braid::Main(argc, argv); }
