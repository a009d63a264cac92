#include "cli/channel.h"

#include "base/grpc_security.h"

namespace braid {

absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const CommandLine& line) {
  grpc::ChannelArguments arguments;
  // A server that is gone without a word is noticed within seven seconds.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 5000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 2000);
  // A deduper restarts within two seconds: look often.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  config::v1::TlsConfig tls;
  tls.set_ca_file(line.ca_file);
  tls.set_certificate_file(line.certificate_file);
  tls.set_key_file(line.key_file);
  tls.set_server_name(line.server_name);
  return MakeChannel(line.server, line.ca_file.empty() ? nullptr : &tls, arguments);
}

}  // namespace braid
