#include "tests/emulator/tls_transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace braid::emulator {
namespace {

// The largest TLS record; small pieces (chunk headers) are joined up to it.
constexpr size_t kRecordBytes = 16 << 10;

class TlsTransport final : public Transport {
 public:
  TlsTransport(int fd, SSL* ssl) : fd_(fd), ssl_(ssl) {
    SSL_set_fd(ssl_, fd_);
    SSL_set_accept_state(ssl_);
  }
  ~TlsTransport() override {
    SSL_free(ssl_);
    close(fd_);
  }

  IoResult Read(char* buffer, size_t size) override {
    errno = 0;
    ERR_clear_error();
    return FromSsl(SSL_read(ssl_, buffer, static_cast<int>(size)));
  }

  IoResult Write(const std::vector<iovec>& pieces) override {
    // OpenSSL wants the same bytes again after it was blocked, so what was
    // offered once is kept until it is taken.
    if (record_.empty()) Gather(pieces);
    errno = 0;
    ERR_clear_error();
    IoResult result = FromSsl(SSL_write(ssl_, record_.data(), static_cast<int>(record_.size())));
    if (result.state == IoState::kOk) record_.clear();
    return result;
  }

  void FinishWriting() override {
    SSL_shutdown(ssl_);
    shutdown(fd_, SHUT_WR);
  }
  int fd() const override { return fd_; }

 private:
  void Gather(const std::vector<iovec>& pieces) {
    for (const iovec& piece : pieces) {
      size_t room = kRecordBytes - record_.size();
      record_.append(static_cast<const char*>(piece.iov_base), std::min(room, piece.iov_len));
      if (record_.size() == kRecordBytes) return;
    }
  }

  IoResult FromSsl(int result) {
    if (result > 0) return {IoState::kOk, static_cast<size_t>(result)};
    int error = SSL_get_error(ssl_, result);
    bool is_blocked = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
    return {is_blocked ? IoState::kBlocked : IoState::kClosed};
  }

  const int fd_;
  SSL* const ssl_;
  std::string record_;
};

class TlsFactory final : public TransportFactory {
 public:
  explicit TlsFactory(SSL_CTX* context) : context_(context) {}
  ~TlsFactory() override { SSL_CTX_free(context_); }
  std::unique_ptr<Transport> Make(int fd) override {
    return std::make_unique<TlsTransport>(fd, SSL_new(context_));
  }

 private:
  SSL_CTX* const context_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TransportFactory>> MakeTlsFactory(
    const std::string& certificate_path, const std::string& key_path) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  auto factory = std::make_unique<TlsFactory>(context);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  if (SSL_CTX_use_certificate_chain_file(context, certificate_path.c_str()) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("can not use certificate ", certificate_path));
  }
  if (SSL_CTX_use_PrivateKey_file(context, key_path.c_str(), SSL_FILETYPE_PEM) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("can not use key ", key_path));
  }
  return std::unique_ptr<TransportFactory>(std::move(factory));
}

}  // namespace braid::emulator
