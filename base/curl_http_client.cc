#include "base/curl_http_client.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <cerrno>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/check.h"
#include "base/monotonic_clock.h"
#include "base/mutex.h"

namespace braid {
namespace {

// The largest that curl takes: fewer system calls at full rate.
constexpr long kReadBytes = 512 * 1024;
// A dead peer behind a NAT is noticed by our own watchdog long before; the
// probes keep the NAT's entry alive.
constexpr long kKeepaliveIdleSeconds = 15;
constexpr long kKeepaliveIntervalSeconds = 5;
constexpr int kKeepaliveProbes = 3;
// curl's own timers end a poll earlier; this is only how long an idle thread
// sleeps at most.
constexpr int kPollMillis = 1000;

void InitCurlOnce() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  BRAID_CHECK(code == CURLE_OK);
}

// OpenSSL says goodbye on sockets that the peer has reset, and with
// CURLOPT_NOSIGNAL curl leaves SIGPIPE to us.
void BlockSigpipe() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// One exchange.
struct Transfer {
  HttpClient::RequestId id = 0;
  HttpRequest request;
  std::shared_ptr<HttpHandler> handler;
  const CurlHttpClient::Options* options = nullptr;
  std::unique_ptr<CURL, EasyDeleter> easy;
  std::unique_ptr<curl_slist, ListDeleter> headers;
  char error[CURL_ERROR_SIZE] = "";

  HttpHead head;
  size_t head_bytes = 0;
  bool head_done = false;
  bool bad_encoding = false;
  // Bytes were passed on since the last OnDrained.
  bool has_news = false;
  uint64_t decoded_bytes = 0;
  // At the last look at the ratio.
  uint64_t looked_decoded_bytes = 0;
  uint64_t looked_raw_bytes = 0;
  uint64_t round_decoded_bytes = 0;

  // True when the end of the body can be told from a cut.
  bool HasBodyEnd() const {
    return head.headers.count("content-length") > 0 ||
           absl::EndsWithIgnoreCase(HeaderValue("transfer-encoding"), "chunked");
  }

  absl::string_view HeaderValue(const std::string& name) const {
    auto found = head.headers.find(name);
    return found == head.headers.end() ? absl::string_view() : found->second;
  }

  // Only gzip, once, and only when asked for.
  bool EncodingIsAccepted() const {
    absl::string_view encoding = HeaderValue("content-encoding");
    if (encoding.empty() || absl::EqualsIgnoreCase(encoding, "identity")) return true;
    return request.accept_gzip &&
           (absl::EqualsIgnoreCase(encoding, "gzip") || absl::EqualsIgnoreCase(encoding, "x-gzip"));
  }

  bool OnHeaderLine(absl::string_view line) {
    if (head_done) return true;  // a trailer
    head_bytes += line.size();
    if (head_bytes > options->head_bytes_max) return false;
    line = absl::StripAsciiWhitespace(line);
    if (absl::StartsWith(line, "HTTP/")) {
      head = HttpHead();
      size_t space = line.find(' ');
      if (space == absl::string_view::npos) return false;
      return absl::SimpleAtoi(line.substr(space + 1, 3), &head.status);
    }
    if (line.empty()) {
      if (head.status < 200) return true;  // an interim answer
      head_done = true;
      if (!EncodingIsAccepted()) bad_encoding = true;
      if (bad_encoding) return false;
      handler->OnHead(head, MonotonicNow());
      return true;
    }
    size_t colon = line.find(':');
    if (colon == absl::string_view::npos) return true;
    std::string name = absl::AsciiStrToLower(absl::StripAsciiWhitespace(line.substr(0, colon)));
    absl::string_view value = absl::StripAsciiWhitespace(line.substr(colon + 1));
    std::string& stored = head.headers[name];
    // Repeated encodings chain: they must not hide behind each other.
    stored = stored.empty() ? std::string(value) : absl::StrCat(stored, ", ", value);
    return true;
  }

  bool OnBody(absl::string_view bytes) {
    decoded_bytes += bytes.size();
    round_decoded_bytes += bytes.size();
    if (round_decoded_bytes > options->decoded_round_bytes_max) {
      bad_encoding = true;
      return false;
    }
    has_news = true;
    handler->OnBytes(bytes, MonotonicNow());
    return true;
  }

  // Between rounds, when curl's count of raw bytes is exact.
  bool RatioIsSane() {
    round_decoded_bytes = 0;
    uint64_t decoded = decoded_bytes - looked_decoded_bytes;
    if (decoded < options->decoded_window_bytes) return true;
    curl_off_t raw_bytes = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_SIZE_DOWNLOAD_T, &raw_bytes);
    uint64_t raw = static_cast<uint64_t>(raw_bytes) - looked_raw_bytes;
    looked_decoded_bytes = decoded_bytes;
    looked_raw_bytes = static_cast<uint64_t>(raw_bytes);
    return decoded <= options->decoded_ratio_max * raw;
  }
};

size_t OnHeaderLine(char* data, size_t size, size_t count, void* transfer) {
  size_t bytes = size * count;
  return static_cast<Transfer*>(transfer)->OnHeaderLine({data, bytes}) ? bytes : 0;
}

size_t OnBody(char* data, size_t size, size_t count, void* transfer) {
  size_t bytes = size * count;
  if (bytes == 0) return 0;
  // Anything else than `bytes` makes curl end the transfer.
  return static_cast<Transfer*>(transfer)->OnBody({data, bytes}) ? bytes : 0;
}

int OnReady(void* transfer, char*, char*, int, int) {
  static_cast<Transfer*>(transfer)->handler->OnConnected(MonotonicNow());
  return CURL_PREREQFUNC_OK;
}

int OnSocket(void*, curl_socket_t socket, curlsocktype) {
  // curl 7.88 has no option for the number of probes. A failure costs nothing:
  // the watchdog is what counts.
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &kKeepaliveProbes, sizeof(kKeepaliveProbes));
  return CURL_SOCKOPT_OK;
}

void SetSafety(CURL* easy) {
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
}

void SetConnection(CURL* easy, const HttpRequest& request) {
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
  // Closing during a slow name look-up must not wait for it.
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(request.connect_timeout)));
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kReadBytes);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, kKeepaliveIdleSeconds);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, kKeepaliveIntervalSeconds);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, OnSocket);
  if (!request.ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, request.ca_file.c_str());
  }
}

// The body stays where it is: the transfer outlives curl's reading of it.
void SetMethod(Transfer* transfer) {
  const HttpRequest& request = transfer->request;
  if (request.method == "GET") return;
  CURL* easy = transfer->easy.get();
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  // Otherwise curl waits a second for a server that does not know it.
  transfer->headers.reset(curl_slist_append(transfer->headers.release(), "Expect:"));
}

// Sets the transfer's request up. curl keeps copies of strings, not the list.
void Prepare(Transfer* transfer) {
  transfer->easy.reset(curl_easy_init());
  CURL* easy = transfer->easy.get();
  BRAID_CHECK(easy != nullptr);
  SetSafety(easy);
  SetConnection(easy, transfer->request);
  curl_easy_setopt(easy, CURLOPT_URL, transfer->request.url.c_str());
  if (transfer->request.accept_gzip) curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  for (const auto& [name, value] : transfer->request.headers) {
    std::string line = absl::StrCat(name, ": ", value);
    transfer->headers.reset(curl_slist_append(transfer->headers.release(), line.c_str()));
  }
  SetMethod(transfer);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers.get());
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, OnHeaderLine);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, OnReady);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
}

HttpEnd::Kind KindOfReceiveError(const Transfer& transfer) {
  long os_errno = 0;
  curl_easy_getinfo(transfer.easy.get(), CURLINFO_OS_ERRNO, &os_errno);
  absl::string_view error = transfer.error;
  // Through TLS only the text says so.
  if (os_errno == ECONNRESET || os_errno == EPIPE || absl::StrContains(error, "reset by peer")) {
    return HttpEnd::Kind::kReset;
  }
  // The peer broke HTTP's rules.
  if (absl::StrContains(error, "chunk") || absl::StrContains(error, "Malformed")) {
    return HttpEnd::Kind::kFailed;
  }
  return HttpEnd::Kind::kTruncated;
}

HttpEnd::Kind KindOf(CURLcode code, const Transfer& transfer) {
  if (transfer.bad_encoding) return HttpEnd::Kind::kBadEncoding;
  switch (code) {
    case CURLE_OK:
      return transfer.HasBodyEnd() ? HttpEnd::Kind::kClean : HttpEnd::Kind::kTruncated;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
      return HttpEnd::Kind::kTruncated;
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return KindOfReceiveError(transfer);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return HttpEnd::Kind::kDnsFailed;
    case CURLE_OPERATION_TIMEDOUT:
      return absl::StartsWith(transfer.error, "Resolving") ? HttpEnd::Kind::kDnsFailed
                                                           : HttpEnd::Kind::kConnectFailed;
    case CURLE_COULDNT_CONNECT:
      return HttpEnd::Kind::kConnectFailed;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return HttpEnd::Kind::kTlsFailed;
    case CURLE_BAD_CONTENT_ENCODING:
      return HttpEnd::Kind::kBadEncoding;
    default:
      return HttpEnd::Kind::kFailed;
  }
}

HttpEnd EndOf(CURLcode code, const Transfer& transfer) {
  HttpEnd end;
  end.kind = KindOf(code, transfer);
  if (transfer.bad_encoding) {
    end.detail = "content encoding that is not accepted, or a decompression bomb";
  } else if (code == CURLE_OK) {
    end.detail = transfer.HasBodyEnd() ? "" : "the answer had no length and the socket closed";
  } else {
    end.detail = transfer.error[0] != '\0' ? transfer.error : curl_easy_strerror(code);
  }
  return end;
}

}  // namespace

class CurlHttpClient::Reader {
 public:
  explicit Reader(const Options& options) : options_(options) {
    InitCurlOnce();
    multi_ = curl_multi_init();
    BRAID_CHECK(multi_ != nullptr);
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "reader");
      BlockSigpipe();
      Run();
    });
  }

  ~Reader() {
    {
      MutexLock lock(&mu_);
      stopping_ = true;
    }
    curl_multi_wakeup(multi_);
    thread_.join();
    curl_multi_cleanup(multi_);
  }

  RequestId Open(HttpRequest request, std::shared_ptr<HttpHandler> handler) {
    auto transfer = std::make_unique<Transfer>();
    transfer->request = std::move(request);
    transfer->handler = std::move(handler);
    transfer->options = &options_;
    MutexLock lock(&mu_);
    RequestId id = transfer->id = ++last_id_;
    commands_.push_back({id, std::move(transfer)});
    curl_multi_wakeup(multi_);
    return id;
  }

  void Close(RequestId id) {
    MutexLock lock(&mu_);
    commands_.push_back({id, nullptr});
    curl_multi_wakeup(multi_);
  }

 private:
  // Without a transfer it means: close.
  struct Command {
    RequestId id;
    std::unique_ptr<Transfer> transfer;
  };

  void Run() {
    while (TakeCommands()) {
      int running = 0;
      curl_multi_perform(multi_, &running);
      EndBombs();
      EndFinished();
      EndClosed();
      if (!PollDrained()) curl_multi_poll(multi_, nullptr, 0, kPollMillis, nullptr);
    }
    while (!transfers_.empty()) Remove(transfers_.begin()->first);
  }

  // Returns false when the thread is to end.
  bool TakeCommands() {
    std::vector<Command> commands;
    {
      MutexLock lock(&mu_);
      if (stopping_) return false;
      commands.swap(commands_);
    }
    for (Command& command : commands) {
      if (command.transfer == nullptr) {
        closing_.push_back(command.id);
        continue;
      }
      Transfer* transfer = command.transfer.get();
      Prepare(transfer);
      transfers_[command.id] = std::move(command.transfer);
      BRAID_CHECK(curl_multi_add_handle(multi_, transfer->easy.get()) == CURLM_OK);
    }
    return true;
  }

  void EndFinished() {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      Transfer* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      End(transfer->id, EndOf(message->data.result, *transfer));
    }
  }

  void EndBombs() {
    std::vector<RequestId> bombs;
    for (auto& [id, transfer] : transfers_) {
      if (!transfer->RatioIsSane()) bombs.push_back(id);
    }
    for (RequestId id : bombs) {
      Transfer& transfer = *transfers_[id];
      transfer.bad_encoding = true;
      End(id, EndOf(CURLE_WRITE_ERROR, transfer));
    }
  }

  // What X has sent is on this host already: it is read before the socket goes.
  void EndClosed() {
    if (closing_.empty()) return;
    absl::Time until = MonotonicNow() + options_.close_read_max;
    int ready = 0;
    long timeout_millis = -1;
    do {
      int running = 0;
      curl_multi_perform(multi_, &running);
      EndBombs();
      EndFinished();
      curl_multi_poll(multi_, nullptr, 0, 0, &ready);
      curl_multi_timeout(multi_, &timeout_millis);
    } while ((ready > 0 || timeout_millis == 0) && MonotonicNow() < until);
    for (RequestId id : std::exchange(closing_, {})) {
      if (transfers_.count(id) > 0) End(id, {HttpEnd::Kind::kClosed, ""});
    }
  }

  // Tells those whose sockets are empty. Returns true when there is more to
  // read at once, false when the thread may sleep.
  bool PollDrained() {
    bool has_news = false;
    for (auto& [id, transfer] : transfers_) has_news |= transfer->has_news;
    if (!has_news) return false;
    int ready = 0;
    long timeout_millis = -1;
    curl_multi_poll(multi_, nullptr, 0, 0, &ready);
    curl_multi_timeout(multi_, &timeout_millis);
    // Zero: curl holds bytes that it has read already (TLS).
    if (ready > 0 || timeout_millis == 0) return true;
    for (auto& [id, transfer] : transfers_) {
      if (!std::exchange(transfer->has_news, false)) continue;
      transfer->handler->OnDrained(MonotonicNow());
    }
    return false;
  }

  void End(RequestId id, const HttpEnd& end) {
    std::shared_ptr<HttpHandler> handler = transfers_[id]->handler;
    Remove(id);
    handler->OnDone(end, MonotonicNow());
  }

  void Remove(RequestId id) {
    auto found = transfers_.find(id);
    if (found == transfers_.end()) return;
    curl_multi_remove_handle(multi_, found->second->easy.get());
    transfers_.erase(found);
  }

  const Options options_;
  CURLM* multi_ = nullptr;
  // Owned by the reader thread.
  std::map<RequestId, std::unique_ptr<Transfer>> transfers_;
  std::vector<RequestId> closing_;
  Mutex mu_;
  RequestId last_id_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<Command> commands_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

CurlHttpClient::CurlHttpClient(const Options& options)
    : reader_(std::make_unique<Reader>(options)) {}

CurlHttpClient::~CurlHttpClient() = default;

HttpClient::RequestId CurlHttpClient::Open(HttpRequest request,
                                           std::shared_ptr<HttpHandler> handler) {
  return reader_->Open(std::move(request), std::move(handler));
}

void CurlHttpClient::Close(RequestId id) { reader_->Close(id); }

}  // namespace braid
