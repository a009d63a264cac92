#include "base/http_server.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/host_port.h"

namespace braid {
namespace {

using Handlers = std::map<std::string, HttpServer::Handler>;

void UseThreads() {
  static const bool ready = evthread_use_pthreads() == 0;
  BRAID_CHECK(ready);
}

// What to do about it, after the error's text.
std::string ListenRemedy(int error, absl::string_view key) {
  if (error == EADDRINUSE) {
    return absl::StrCat("; end the process that has the port (ss -ltnp shows it), or change ", key,
                        " in the configuration");
  }
  return absl::StrCat("; change ", key, " in the configuration");
}

uint16_t BoundPort(evutil_socket_t fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  BRAID_CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(const Options& options, const Handlers& handlers) : options_(options), handlers_(handlers) {
    UseThreads();
    base_ = event_base_new();
    BRAID_CHECK(base_ != nullptr);
    http_ = evhttp_new(base_);
    BRAID_CHECK(http_ != nullptr);
    evhttp_set_max_headers_size(http_, static_cast<ev_ssize_t>(options.headers_max_bytes));
    evhttp_set_max_body_size(http_, static_cast<ev_ssize_t>(options.body_max_bytes));
    evhttp_set_allowed_methods(http_, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    const timeval timeout = absl::ToTimeval(options.idle_timeout);
    evhttp_set_timeout_tv(http_, &timeout);
    evhttp_set_gencb(http_, &Impl::OnRequest, this);
    evhttp_set_bevcb(http_, &Impl::OnConnection, this);
  }

  ~Impl() {
    if (thread_.joinable()) {
      // As an event: a break before the thread has entered its loop is lost.
      const timeval at_once{};
      event_base_once(base_, -1, EV_TIMEOUT, &Impl::OnStop, base_, &at_once);
      thread_.join();
    }
    listener_ = nullptr;
    evhttp_free(http_);
    slots_.clear();
    event_base_free(base_);
  }

  absl::Status Listen(absl::string_view address) {
    const absl::StatusOr<HostPort> parsed = ParseHostPort(address);
    if (!parsed.ok()) return parsed.status();
    errno = 0;
    evhttp_bound_socket* const bound =
        evhttp_bind_socket_with_handle(http_, parsed->host.c_str(), parsed->port);
    if (bound == nullptr) {
      const int error = errno;
      const char* const why = error != 0 ? std::strerror(error) : "no such address";
      return absl::UnavailableError(absl::StrCat("can not listen on ", address, " (HTTP): ", why,
                                                 ListenRemedy(error, "listen.http")));
    }
    listener_ = evhttp_bound_socket_get_listener(bound);
    port_ = BoundPort(evhttp_bound_socket_get_fd(bound));
    return absl::OkStatus();
  }

  void Run() {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "http");
      event_base_loop(base_, EVLOOP_NO_EXIT_ON_EMPTY);
    });
  }

  uint16_t port() const { return port_; }

 private:
  // One of connections_max. evhttp says that a connection has ended only once
  // a request was seen on it: without any, the slot is held until the
  // connection must have idled out.
  struct Slot {
    ~Slot() { event_free(silent_expiry); }
    Impl* impl = nullptr;
    bufferevent* connection = nullptr;
    event* silent_expiry = nullptr;
  };

  static bufferevent* OnConnection(event_base* base, void* self) {
    Impl& impl = *static_cast<Impl*>(self);
    bufferevent* const connection = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    BRAID_CHECK(connection != nullptr);
    auto slot = std::make_unique<Slot>();
    slot->impl = &impl;
    slot->connection = connection;
    slot->silent_expiry = evtimer_new(base, &Impl::OnSilent, slot.get());
    BRAID_CHECK(slot->silent_expiry != nullptr);
    const timeval idle = absl::ToTimeval(impl.options_.idle_timeout);
    evtimer_add(slot->silent_expiry, &idle);
    impl.slots_[connection] = std::move(slot);
    if (impl.slots_.size() >= impl.options_.connections_max) {
      evconnlistener_disable(impl.listener_);
    }
    return connection;
  }

  static void OnStop(evutil_socket_t, short, void* base) {
    event_base_loopbreak(static_cast<event_base*>(base));
  }

  static void OnSilent(evutil_socket_t, short, void* arg) {
    const Slot& slot = *static_cast<Slot*>(arg);
    slot.impl->Release(slot.connection);
  }

  static void OnClosed(evhttp_connection* connection, void* self) {
    static_cast<Impl*>(self)->Release(evhttp_connection_get_bufferevent(connection));
  }

  void Release(bufferevent* connection) {
    slots_.erase(connection);
    // Null while the server is taken down.
    if (listener_ != nullptr) evconnlistener_enable(listener_);
  }

  // From the first request on the slot lasts as long as the connection.
  void Hold(evhttp_connection* connection) {
    const auto slot = slots_.find(evhttp_connection_get_bufferevent(connection));
    if (slot != slots_.end()) evtimer_del(slot->second->silent_expiry);
    evhttp_connection_set_closecb(connection, &Impl::OnClosed, this);
  }

  static void OnRequest(evhttp_request* request, void* self) {
    Impl& impl = *static_cast<Impl*>(self);
    impl.Hold(evhttp_request_get_connection(request));
    const evhttp_uri* const uri = evhttp_request_get_evhttp_uri(request);
    const char* const path = uri == nullptr ? nullptr : evhttp_uri_get_path(uri);
    const auto found = impl.handlers_.find(path == nullptr ? "" : path);
    if (found == impl.handlers_.end()) {
      Reply(request, {.status = 404, .body = "not found\n"});
    } else {
      Reply(request, found->second());
    }
  }

  static void Reply(evhttp_request* request, const HttpServerResponse& response) {
    evkeyvalq* const headers = evhttp_request_get_output_headers(request);
    evhttp_add_header(headers, "Content-Type", response.content_type.c_str());
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evbuffer* const body = evhttp_request_get_output_buffer(request);
    if (evhttp_request_get_command(request) != EVHTTP_REQ_HEAD) {
      evbuffer_add(body, response.body.data(), response.body.size());
    }
    evhttp_send_reply(request, response.status, nullptr, nullptr);
  }

  const Options& options_;
  const Handlers& handlers_;
  event_base* base_ = nullptr;
  evhttp* http_ = nullptr;
  uint16_t port_ = 0;
  std::thread thread_;

  // Owned by the server's thread while it runs.
  evconnlistener* listener_ = nullptr;
  std::map<bufferevent*, std::unique_ptr<Slot>> slots_;
};

HttpServer::HttpServer(const Options& options) : options_(options) {}

HttpServer::~HttpServer() { Stop(); }

void HttpServer::Handle(absl::string_view path, Handler handler) {
  BRAID_CHECK(impl_ == nullptr);
  handlers_[std::string(path)] = std::move(handler);
}

absl::Status HttpServer::Start(absl::string_view address) {
  BRAID_CHECK(impl_ == nullptr);
  auto impl = std::make_unique<Impl>(options_, handlers_);
  absl::Status status = impl->Listen(address);
  if (!status.ok()) return status;
  impl_ = std::move(impl);
  impl_->Run();
  return absl::OkStatus();
}

void HttpServer::Stop() { impl_.reset(); }

uint16_t HttpServer::port() const {
  BRAID_CHECK(impl_ != nullptr);
  return impl_->port();
}

}  // namespace braid
