// sink: opens connections to a stream, reads and discards, and prints how many
// posts a second arrived and what reading them cost.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace braid::emulator {
namespace {

// One connection, decoded just enough to count records exactly.
struct Line {
  int fd = -1;
  uint64_t bytes = 0;
  uint64_t records = 0;
  enum { kHead, kSize, kData, kAfterData } state = kHead;
  std::string text;  // of the head or of a chunk's size, while incomplete
  size_t chunk_left = 0;
  char last = 0;
};

int Connect(int port, int index) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<uint16_t>(port));
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof(where)) != 0) return -1;
  std::string request = absl::StrCat("GET /2/tweets/search/stream?connection=sink-", index,
                                     " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: sink/1\r\n\r\n");
  return send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0 ? fd : -1;
}

void CountLines(const char* bytes, size_t size, Line* line) {
  const char* end = bytes + size;
  for (const char* at = bytes; (at = static_cast<const char*>(memchr(at, '\n', end - at))); ++at) {
    char before = at == bytes ? line->last : at[-1];
    // Records are longer than a keep-alive, which is an empty line.
    char second = at - bytes >= 2 ? at[-2] : '}';
    if (before == '\r' && second == '}') ++line->records;
  }
  line->last = end[-1];
}

// Head, chunk sizes and the ends of chunks are short: byte by byte is cheap.
void TakeFraming(char c, Line* line) {
  line->text += c;
  if (line->state == Line::kHead) {
    if (line->text.size() < 4 || line->text.substr(line->text.size() - 4) != "\r\n\r\n") return;
    line->state = Line::kSize;
  } else if (line->state == Line::kSize) {
    if (c != '\n') return;
    line->chunk_left = strtoull(line->text.c_str(), nullptr, 16);
    line->state = Line::kData;
  } else {
    if (c != '\n') return;
    line->state = Line::kSize;
  }
  line->text.clear();
}

void Count(const char* bytes, size_t size, Line* line) {
  line->bytes += size;
  while (size > 0) {
    if (line->state != Line::kData) {
      TakeFraming(*bytes++, line);
      --size;
      continue;
    }
    size_t step = std::min(size, line->chunk_left);
    if (step > 0) CountLines(bytes, step, line);
    bytes += step;
    size -= step;
    line->chunk_left -= step;
    if (line->chunk_left == 0) line->state = Line::kAfterData;
  }
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return absl::ToDoubleSeconds(absl::DurationFromTimeval(usage.ru_utime) +
                               absl::DurationFromTimeval(usage.ru_stime));
}

void ReadUntil(absl::Time deadline, std::vector<Line>* lines) {
  // A large buffer, so that the sink is not what is measured.
  std::vector<char> buffer(1 << 20);
  std::vector<pollfd> waits;
  for (const Line& line : *lines) waits.push_back({line.fd, POLLIN, 0});
  while (absl::Now() < deadline) {
    poll(waits.data(), waits.size(), 100);
    for (size_t i = 0; i < waits.size(); ++i) {
      if ((waits[i].revents & (POLLIN | POLLHUP)) == 0) continue;
      ssize_t size = read(waits[i].fd, buffer.data(), buffer.size());
      if (size <= 0) {
        waits[i].fd = -1;
        std::cerr << "sink: connection " << i << " ended\n";
      } else {
        Count(buffer.data(), static_cast<size_t>(size), &(*lines)[i]);
      }
    }
  }
}

int Main(int argc, char** argv) {
  int port = 0;
  int connections = 2;
  double seconds = 10;
  CLI::App app("sink: reads a stream and discards it");
  app.add_option("--port", port, "Port on loopback")->required();
  app.add_option("--connections", connections)->capture_default_str();
  app.add_option("--seconds", seconds)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  std::vector<Line> lines;
  for (int i = 0; i < connections; ++i) {
    lines.emplace_back();
    lines.back().fd = Connect(port, i);
    if (lines.back().fd < 0) {
      std::cerr << "sink: can not connect\n";
      return 1;
    }
  }
  absl::Time start = absl::Now();
  double cpu_start = CpuSeconds();
  ReadUntil(start + absl::Seconds(seconds), &lines);
  double elapsed = absl::ToDoubleSeconds(absl::Now() - start);
  double cpu = CpuSeconds() - cpu_start;
  for (size_t i = 0; i < lines.size(); ++i) {
    std::cout << absl::StrCat(
        "{\"connection\":", i,
        ",\"posts_per_second\":", static_cast<uint64_t>(lines[i].records / elapsed),
        ",\"megabytes_per_second\":", static_cast<uint64_t>(lines[i].bytes / elapsed / 1e6), "}\n");
  }
  std::cout << absl::StrCat("{\"seconds\":", elapsed, ",\"cpu_seconds\":", cpu, "}\n");
  return 0;
}

}  // namespace
}  // namespace braid::emulator

int main(int argc, char** argv) { return braid::emulator::Main(argc, argv); }
