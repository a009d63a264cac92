// The stream that a request names, among those that are configured. Pure; any
// thread.

#ifndef BRAID_DEDUPE_STREAM_NAME_H_
#define BRAID_DEDUPE_STREAM_NAME_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "proto/reason.h"

namespace braid {

// "streams/main" → the entry of "main". InvalidArgument for another kind of
// name, NotFound (UNKNOWN_STREAM) for a stream that is not configured.
template <typename Map>
absl::StatusOr<const typename Map::mapped_type*> FindByStreamName(const Map& map,
                                                                  const std::string& stream) {
  absl::string_view name = stream;
  if (!absl::ConsumePrefix(&name, "streams/")) {
    return absl::InvalidArgumentError("stream is not of the form streams/{stream}");
  }
  auto it = map.find(std::string(name));
  if (it != map.end()) return &it->second;
  return ReasonError(absl::StatusCode::kNotFound,
                     absl::StrCat("there is no stream \"", name.substr(0, 200), "\""),
                     {"UNKNOWN_STREAM", {{"stream", std::string(name.substr(0, 200))}}});
}

}  // namespace braid

#endif  // BRAID_DEDUPE_STREAM_NAME_H_
