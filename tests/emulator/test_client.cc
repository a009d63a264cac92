#include "tests/emulator/test_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <simdjson.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace braid::emulator {
namespace {

int Connect(int port, const ClientOptions& options) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  BRAID_CHECK(fd >= 0);
  if (options.receive_buffer_bytes > 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer_bytes,
               sizeof(options.receive_buffer_bytes));
  }
  timeval patience = absl::ToTimeval(options.patience);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<uint16_t>(port));
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  BRAID_CHECK(connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof(where)) == 0);
  return fd;
}

SSL* StartTls(int fd) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* ssl = SSL_new(context);
  SSL_CTX_free(context);
  SSL_set_fd(ssl, fd);
  BRAID_CHECK(SSL_connect(ssl) == 1);
  return ssl;
}

}  // namespace

struct StreamClient::Gzip {
  Gzip() { BRAID_CHECK(inflateInit2(&stream, 15 + 16) == Z_OK); }
  ~Gzip() { inflateEnd(&stream); }
  z_stream stream{};
};

StreamClient::StreamClient(int port, const ClientOptions& options)
    : fd_(Connect(port, options)), ssl_(options.tls ? StartTls(fd_) : nullptr) {
  std::string request =
      absl::StrCat(options.method, " ", options.target, " HTTP/1.1\r\nHost: localhost\r\n",
                   options.headers, "\r\n", options.body);
  if (ssl_ != nullptr) {
    SSL_write(ssl_, request.data(), static_cast<int>(request.size()));
  } else {
    send(fd_, request.data(), request.size(), MSG_NOSIGNAL);
  }
}

StreamClient::~StreamClient() {
  if (ssl_ != nullptr) SSL_free(ssl_);
  close(fd_);
}

bool StreamClient::Receive() {
  char buffer[64 << 10];
  errno = 0;
  ssize_t size = ssl_ != nullptr ? SSL_read(ssl_, buffer, sizeof(buffer))
                                 : recv(fd_, buffer, sizeof(buffer), 0);
  if (size > 0) {
    raw_.append(buffer, static_cast<size_t>(size));
    return true;
  }
  if (end_ != StreamEnd::kNone) return false;
  bool is_timeout = size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  end_ = is_timeout                        ? StreamEnd::kTimeout
         : size < 0 && errno == ECONNRESET ? StreamEnd::kReset
                                           : StreamEnd::kCutOff;
  return false;
}

const std::string& StreamClient::Head() {
  while (head_.empty()) {
    size_t end = raw_.find("\r\n\r\n");
    if (end != std::string::npos) {
      head_ = raw_.substr(0, end + 4);
      raw_.erase(0, end + 4);
      if (absl::StrContains(head_, "content-encoding: gzip")) gzip_ = std::make_unique<Gzip>();
    } else if (!Receive()) {
      break;
    }
  }
  return head_;
}

int StreamClient::Status() { return Head().size() > 12 ? std::atoi(head_.c_str() + 9) : 0; }

std::string StreamClient::Body() {
  Head();
  while (Receive()) {
  }
  return raw_;
}

void StreamClient::Deliver(const std::string& bytes) {
  if (gzip_ == nullptr) {
    decoded_ += bytes;
    decoded_bytes_ += bytes.size();
    return;
  }
  z_stream& stream = gzip_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  char buffer[64 << 10];
  do {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof(buffer);
    inflate(&stream, Z_SYNC_FLUSH);
    decoded_.append(buffer, sizeof(buffer) - stream.avail_out);
    decoded_bytes_ += sizeof(buffer) - stream.avail_out;
  } while (stream.avail_out == 0);
}

// Decodes what is in raw_; false when nothing more can come of it now.
bool StreamClient::DecodeChunks() {
  if (!in_chunk_) {
    size_t end = raw_.find("\r\n");
    if (end == std::string::npos) return false;
    chunk_left_ = std::strtoull(raw_.c_str(), nullptr, 16);
    raw_.erase(0, end + 2);
    in_chunk_ = true;
    if (chunk_left_ == 0) end_ = StreamEnd::kZeroChunk;
    return end_ == StreamEnd::kNone;
  }
  if (raw_.empty() || (chunk_left_ == 0 && raw_.size() < 2)) return false;
  if (chunk_left_ == 0) {
    BRAID_CHECK(raw_.substr(0, 2) == "\r\n");
    raw_.erase(0, 2);
    in_chunk_ = false;
    return true;
  }
  size_t size = std::min(chunk_left_, raw_.size());
  Deliver(raw_.substr(0, size));
  raw_.erase(0, size);
  chunk_left_ -= size;
  return true;
}

bool StreamClient::ReadLine(std::string* line) {
  Head();
  for (;;) {
    size_t end = decoded_.find("\r\n");
    if (end != std::string::npos) {
      *line = decoded_.substr(0, end);
      decoded_.erase(0, end + 2);
      return true;
    }
    if (end_ != StreamEnd::kNone) return false;
    if (!DecodeChunks() && end_ == StreamEnd::kNone) Receive();
  }
}

void StreamClient::Discard(uint64_t bytes) {
  Head();
  while (decoded_bytes_ < bytes && end_ == StreamEnd::kNone) {
    if (!DecodeChunks() && end_ == StreamEnd::kNone) Receive();
    decoded_.clear();
  }
}

std::string DataId(const std::string& line) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const char* id = nullptr;
  if (parser.parse(line).get(root) != simdjson::SUCCESS) return "";
  return root["data"]["id"].get_c_str().get(id) == simdjson::SUCCESS ? id : "";
}

std::pair<int, std::string> Control(int port, const std::string& target, const std::string& body) {
  ClientOptions options;
  options.target = target;
  options.headers = absl::StrCat("Content-Length: ", body.size(), "\r\n");
  options.body = body;
  StreamClient client(port, options);
  int status = client.Status();
  return {status, client.Body()};
}

}  // namespace braid::emulator
