#include "tests/emulator/truth_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace braid::emulator {
namespace {

using namespace truth_format;  // NOLINT: the names of this file's format

constexpr size_t kBufferBytes = 256 << 10;

template <typename Integer>
void Append(Integer value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));  // little-endian hosts only
}

void AppendText(absl::string_view text, std::string* out) {
  Append(static_cast<uint32_t>(text.size()), out);
  out->append(text.data(), text.size());
}

}  // namespace

TruthWriter::~TruthWriter() {
  if (fd_ < 0) return;
  Flush();
  close(fd_);
}

absl::Status TruthWriter::Open(const std::string& path, uint64_t seed, absl::Time now) {
  fd_ = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) {
    return absl::UnavailableError(absl::StrCat("truth file ", path, ": ", std::strerror(errno)));
  }
  buffer_.append(kMagic, 8);
  Append(kVersion, &buffer_);
  Append(kHeaderBytes, &buffer_);
  Append(absl::ToUnixMicros(now), &buffer_);
  Append(seed, &buffer_);
  Flush();
  return absl::OkStatus();
}

void TruthWriter::Created(uint64_t first, const std::vector<uint64_t>& ids, absl::Time now) {
  if (fd_ < 0 || ids.empty()) return;
  std::string payload;
  Append(first, &payload);
  Append(absl::ToUnixMicros(now), &payload);
  Append(static_cast<uint32_t>(ids.size()), &payload);
  payload.append(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(ids[0]));
  Record(kCreated, payload);
}

void TruthWriter::Kinds(uint64_t first, const std::vector<uint8_t>& kinds) {
  if (fd_ < 0 || std::all_of(kinds.begin(), kinds.end(), [](uint8_t kind) { return kind == 0; })) {
    return;
  }
  std::string payload;
  Append(first, &payload);
  Append(static_cast<uint32_t>(kinds.size()), &payload);
  payload.append(reinterpret_cast<const char*>(kinds.data()), kinds.size());
  Record(kKinds, payload);
}

void TruthWriter::Asked(const TruthRequest& request) {
  if (fd_ < 0) return;
  std::string payload;
  Append(absl::ToUnixMicros(request.time), &payload);
  Append(static_cast<uint32_t>(request.status), &payload);
  Append(request.connection, &payload);
  AppendText(request.line, &payload);
  AppendText(request.tag, &payload);
  AppendText(request.address, &payload);
  Record(kAsked, payload);
}

void TruthWriter::Connected(uint32_t connection, absl::string_view tag, absl::string_view address,
                            absl::Time now) {
  if (fd_ < 0) return;
  std::string payload;
  Append(connection, &payload);
  Append(absl::ToUnixMicros(now), &payload);
  AppendText(tag, &payload);
  AppendText(address, &payload);
  Record(kConnected, payload);
}

void TruthWriter::Sent(uint32_t connection, uint64_t first, uint64_t count, absl::Time now) {
  if (observer_) observer_(first, count, now);
  if (fd_ < 0) return;
  OpenRange& range = open_ranges_[connection];
  if (range.count > 0 && range.first + range.count != first) CloseRange(connection);
  OpenRange& open = open_ranges_[connection];
  if (open.count == 0) open.first = first;
  open.count += count;
  open.last = now;
}

void TruthWriter::Maybe(uint32_t connection, uint64_t first, uint64_t count, absl::Time now) {
  Range(kMaybe, connection, {first, count, now});
}

void TruthWriter::Dropped(uint32_t connection, uint64_t first, uint64_t count, absl::Time now) {
  Range(kDropped, connection, {first, count, now});
}

void TruthWriter::Ended(uint32_t connection, EndKind kind, absl::Time now) {
  if (fd_ < 0) return;
  CloseRange(connection);
  std::string payload;
  Append(connection, &payload);
  Append(absl::ToUnixMicros(now), &payload);
  Append(static_cast<uint8_t>(kind), &payload);
  Record(kEnded, payload);
}

void TruthWriter::Finished(absl::Time now) {
  if (fd_ < 0) return;
  Flush();
  std::string payload;
  Append(absl::ToUnixMicros(now), &payload);
  Record(kFinished, payload);
  Flush();
}

void TruthWriter::Record(Type type, absl::string_view payload) {
  Append(static_cast<uint32_t>(payload.size()), &buffer_);
  Append(static_cast<uint8_t>(type), &buffer_);
  buffer_.append(payload.data(), payload.size());
  if (buffer_.size() >= kBufferBytes) WriteBuffer();
}

void TruthWriter::Range(Type type, uint32_t connection, const OpenRange& range) {
  if (fd_ < 0 || range.count == 0) return;
  std::string payload;
  Append(connection, &payload);
  Append(absl::ToUnixMicros(range.last), &payload);
  Append(range.first, &payload);
  Append(static_cast<uint32_t>(range.count), &payload);
  Record(type, payload);
}

void TruthWriter::CloseRange(uint32_t connection) {
  auto open = open_ranges_.find(connection);
  if (open == open_ranges_.end()) return;
  Range(kSent, connection, open->second);
  open_ranges_.erase(open);
}

void TruthWriter::Flush() {
  if (fd_ < 0) return;
  for (const auto& [connection, range] : open_ranges_) Range(kSent, connection, range);
  open_ranges_.clear();
  WriteBuffer();
}

void TruthWriter::WriteBuffer() {
  size_t done = 0;
  while (done < buffer_.size()) {
    ssize_t written = write(fd_, buffer_.data() + done, buffer_.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      std::fprintf(stderr, "truth file: %s\n", std::strerror(errno));
      std::exit(70);
    }
    done += static_cast<size_t>(written);
  }
  buffer_.clear();
}

}  // namespace braid::emulator
