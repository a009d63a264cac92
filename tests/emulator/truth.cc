#include "tests/emulator/truth.h"

#include <cstring>
#include <fstream>
#include <iterator>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace braid::emulator {
namespace {

using namespace truth_format;  // NOLINT: the names of this file's format

// Takes integers from the front of a record; remembers if one was missing.
class Cursor {
 public:
  explicit Cursor(absl::string_view bytes) : bytes_(bytes) {}

  template <typename Integer>
  Integer Take() {
    Integer value = 0;
    if (bytes_.size() < sizeof(value)) {
      ok_ = false;
      return 0;
    }
    std::memcpy(&value, bytes_.data(), sizeof(value));  // little-endian hosts only
    bytes_.remove_prefix(sizeof(value));
    return value;
  }
  std::string TakeString() {
    auto size = Take<uint32_t>();
    if (size > bytes_.size()) {
      ok_ = false;
      return "";
    }
    std::string text(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return text;
  }
  bool ok() const { return ok_; }
  size_t left() const { return bytes_.size(); }

 private:
  absl::string_view bytes_;
  bool ok_ = true;
};

absl::Status Bad(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("truth file: ", what));
}

absl::Status ApplyCreated(Cursor cursor, Truth* truth) {
  auto first = cursor.Take<uint64_t>();
  auto micros = cursor.Take<int64_t>();
  auto count = cursor.Take<uint32_t>();
  if (first != truth->emissions.size()) return Bad("emissions are not contiguous");
  if (!cursor.ok() || cursor.left() != count * sizeof(uint64_t)) return Bad("created: bad size");
  for (uint32_t i = 0; i < count; ++i) {
    truth->emissions.push_back({cursor.Take<uint64_t>(), micros});
  }
  return absl::OkStatus();
}

absl::Status ApplyConnected(Cursor cursor, Truth* truth) {
  TruthConnection connection;
  connection.number = cursor.Take<uint32_t>();
  connection.connected = absl::FromUnixMicros(cursor.Take<int64_t>());
  connection.tag = cursor.TakeString();
  connection.address = cursor.TakeString();
  if (!cursor.ok()) return Bad("connected: bad size");
  if (connection.number != truth->connections.size() + 1) return Bad("connection out of order");
  truth->connections.push_back(std::move(connection));
  return absl::OkStatus();
}

TruthConnection* Find(uint32_t number, Truth* truth) {
  if (number == 0 || number > truth->connections.size()) return nullptr;
  return &truth->connections[number - 1];
}

absl::Status ApplyRange(Type type, Cursor cursor, Truth* truth) {
  TruthConnection* connection = Find(cursor.Take<uint32_t>(), truth);
  cursor.Take<int64_t>();
  EmissionRange range;
  range.first = cursor.Take<uint64_t>();
  range.count = cursor.Take<uint32_t>();
  if (!cursor.ok() || connection == nullptr) return Bad("range of an unknown connection");
  if (range.first + range.count > truth->emissions.size()) return Bad("sent before created");
  auto& ranges = type == kSent    ? connection->sent
                 : type == kMaybe ? connection->maybe
                                  : connection->dropped;
  if (!ranges.empty() && ranges.back().first + ranges.back().count == range.first) {
    ranges.back().count += range.count;
  } else {
    ranges.push_back(range);
  }
  return absl::OkStatus();
}

absl::Status ApplyEnded(Cursor cursor, Truth* truth) {
  TruthConnection* connection = Find(cursor.Take<uint32_t>(), truth);
  auto micros = cursor.Take<int64_t>();
  auto kind = cursor.Take<uint8_t>();
  if (!cursor.ok() || connection == nullptr) return Bad("end of an unknown connection");
  connection->ended = absl::FromUnixMicros(micros);
  connection->end_kind = static_cast<EndKind>(kind);
  return absl::OkStatus();
}

absl::Status ApplyKinds(Cursor cursor, Truth* truth) {
  auto first = cursor.Take<uint64_t>();
  auto count = cursor.Take<uint32_t>();
  if (!cursor.ok() || cursor.left() != count) return Bad("kinds: bad size");
  if (first + count > truth->emissions.size()) return Bad("kinds before created");
  truth->kinds.resize(truth->emissions.size(), EventKind::kPost);
  for (uint32_t i = 0; i < count; ++i) {
    truth->kinds[first + i] = static_cast<EventKind>(cursor.Take<uint8_t>());
  }
  return absl::OkStatus();
}

absl::Status ApplyAsked(Cursor cursor, Truth* truth) {
  TruthRequest request;
  request.time = absl::FromUnixMicros(cursor.Take<int64_t>());
  request.status = static_cast<int>(cursor.Take<uint32_t>());
  request.connection = cursor.Take<uint32_t>();
  request.line = cursor.TakeString();
  request.tag = cursor.TakeString();
  request.address = cursor.TakeString();
  if (!cursor.ok()) return Bad("asked: bad size");
  truth->requests.push_back(std::move(request));
  return absl::OkStatus();
}

absl::Status Apply(uint8_t type, absl::string_view payload, Truth* truth) {
  switch (type) {
    case kCreated:
      return ApplyCreated(Cursor(payload), truth);
    case kConnected:
      return ApplyConnected(Cursor(payload), truth);
    case kSent:
    case kMaybe:
    case kDropped:
      return ApplyRange(static_cast<Type>(type), Cursor(payload), truth);
    case kEnded:
      return ApplyEnded(Cursor(payload), truth);
    case kKinds:
      return ApplyKinds(Cursor(payload), truth);
    case kAsked:
      return ApplyAsked(Cursor(payload), truth);
    case kFinished:
      truth->finished = true;
      return absl::OkStatus();
    default:
      return Bad(absl::StrCat("unknown record type ", type));
  }
}

void Collect(const Truth& truth, const std::vector<EmissionRange>& ranges,
             absl::flat_hash_set<uint64_t>* ids) {
  for (const EmissionRange& range : ranges) {
    for (uint64_t i = 0; i < range.count; ++i) {
      ids->insert(truth.emissions[range.first + i].post_id());
    }
  }
}

}  // namespace

const char* EndKindName(EndKind kind) {
  switch (kind) {
    case EndKind::kOpen:
      return "open";
    case EndKind::kClientClosed:
      return "client_closed";
    case EndKind::kDisconnectMessage:
      return "disconnect_message";
    case EndKind::kZeroChunk:
      return "zero_chunk";
    case EndKind::kTruncatedChunk:
      return "truncated_chunk";
    case EndKind::kReset:
      return "reset";
    case EndKind::kSlowClient:
      return "slow_client";
    case EndKind::kNetwork:
      return "network";
    case EndKind::kEmulatorStopped:
      return "emulator_stopped";
    case EndKind::kTooManyConnections:
      return "too_many_connections";
    case EndKind::kJobDone:
      return "job_done";
    case EndKind::kKilled:
      return "killed";
  }
  return "unknown";
}

absl::flat_hash_set<uint64_t> Truth::CreatedIds() const {
  absl::flat_hash_set<uint64_t> ids;
  ids.reserve(emissions.size());
  for (const Emission& emission : emissions) ids.insert(emission.post_id());
  return ids;
}

absl::flat_hash_set<uint64_t> Truth::SentIds(const TruthConnection& connection) const {
  absl::flat_hash_set<uint64_t> ids;
  Collect(*this, connection.sent, &ids);
  return ids;
}

absl::flat_hash_set<uint64_t> Truth::SentToAny() const {
  absl::flat_hash_set<uint64_t> ids;
  for (const TruthConnection& connection : connections) Collect(*this, connection.sent, &ids);
  return ids;
}

absl::flat_hash_set<uint64_t> Truth::PossiblySentToAny() const {
  absl::flat_hash_set<uint64_t> ids = SentToAny();
  for (const TruthConnection& connection : connections) Collect(*this, connection.maybe, &ids);
  return ids;
}

uint64_t Truth::SentCount(const TruthConnection& connection) const {
  uint64_t count = 0;
  for (const EmissionRange& range : connection.sent) count += range.count;
  return count;
}

absl::StatusOr<Truth> ParseTruth(absl::string_view bytes) {
  if (bytes.size() < kHeaderBytes || bytes.substr(0, 8) != kMagic) return Bad("not a truth file");
  Cursor header(bytes.substr(8));
  if (header.Take<uint32_t>() != kVersion) return Bad("unknown version");
  auto header_bytes = header.Take<uint32_t>();
  Truth truth;
  truth.started = absl::FromUnixMicros(header.Take<int64_t>());
  truth.seed = header.Take<uint64_t>();
  if (header_bytes > bytes.size()) return Bad("header is cut");
  bytes.remove_prefix(header_bytes);
  while (bytes.size() >= 5) {
    uint32_t size = 0;
    std::memcpy(&size, bytes.data(), sizeof(size));
    if (bytes.size() - 5 < size) break;
    absl::Status status = Apply(static_cast<uint8_t>(bytes[4]), bytes.substr(5, size), &truth);
    if (!status.ok()) return status;
    bytes.remove_prefix(5 + size);
  }
  truth.torn_bytes = bytes.size();
  return truth;
}

absl::StatusOr<Truth> ReadTruth(absl::string_view path) {
  std::ifstream file(std::string(path), std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("can not open truth file ", path));
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return ParseTruth(bytes);
}

}  // namespace braid::emulator
