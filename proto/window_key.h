// What makes two copies the same event, in the bytes that are stored and hashed
// (docs/KEYS.md). Window keys sort by creation time: the first 8 bytes are a
// snowflake. Pure functions; any thread.

#ifndef BRAID_PROTO_WINDOW_KEY_H_
#define BRAID_PROTO_WINDOW_KEY_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "braid/v1/types.pb.h"

namespace braid {

std::string PostWindowKey(uint64_t id);
// A post with a readable id has the same key as by its id alone.
std::string EventWindowKey(const v1::EventKey& key);
// First snowflake of the creation time in a window key.
uint64_t WindowKeyTime(absl::string_view window_key);

}  // namespace braid

#endif  // BRAID_PROTO_WINDOW_KEY_H_
