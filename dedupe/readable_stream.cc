#include "dedupe/readable_stream.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "proto/reason.h"

namespace braid {

absl::StatusOr<ReadableStream*> FindStream(const ReadableStreams& streams,
                                           absl::string_view resource_name) {
  absl::string_view name = resource_name;
  if (!absl::ConsumePrefix(&name, "streams/") || name.empty() ||
      name.find('/') != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", resource_name.substr(0, 200), "\" is not of the form streams/{stream}"));
  }
  auto it = streams.find(std::string(name));
  if (it != streams.end()) return it->second;
  return ReasonError(absl::StatusCode::kNotFound,
                     absl::StrCat("there is no stream \"", name.substr(0, 200), "\""),
                     {"UNKNOWN_STREAM", {{"stream", std::string(name.substr(0, 200))}}});
}

}  // namespace braid
