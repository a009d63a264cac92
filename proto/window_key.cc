#include "proto/window_key.h"

#include "absl/strings/numbers.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

void AppendBlock(std::string* out, absl::string_view bytes) {
  AppendBe32(out, static_cast<uint32_t>(bytes.size()));
  out->append(bytes.data(), bytes.size());
}

// Written out by hand: protobuf does not promise stable bytes.
std::string CanonicalKeyBytes(const v1::EventKey& key) {
  std::string out;
  AppendBe32(&out, static_cast<uint32_t>(key.kind()));
  AppendBe32(&out, static_cast<uint32_t>(key.object_ids_size()));
  for (const std::string& id : key.object_ids()) AppendBlock(&out, id);
  AppendBe64(&out, static_cast<uint64_t>(absl::ToUnixMicros(ToTime(key.event_time()))));
  AppendBe64(&out, key.members_hash());
  return out;
}

}  // namespace

std::string PostWindowKey(uint64_t id) {
  std::string out;
  AppendBe64(&out, id);
  return out;
}

std::string EventWindowKey(const v1::EventKey& key) {
  uint64_t id = 0;
  if (key.kind() == v1::EVENT_KIND_POST && key.object_ids_size() == 1 &&
      absl::SimpleAtoi(key.object_ids(0), &id)) {
    return PostWindowKey(id);
  }
  std::string out;
  AppendBe64(&out, FirstSnowflakeAt(ToTime(key.event_time())));
  out.push_back(static_cast<char>(key.kind()));
  out.append(Hash128(CanonicalKeyBytes(key)));
  return out;
}

uint64_t WindowKeyTime(absl::string_view window_key) { return ReadBe64(window_key); }

}  // namespace braid
