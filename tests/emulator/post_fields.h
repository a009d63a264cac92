// What of a post an answer gives: the default fields, those asked for, and the
// objects beside it that `expansions` names.
//
// Pure. Threads: any.

#ifndef BRAID_TESTS_EMULATOR_POST_FIELDS_H_
#define BRAID_TESTS_EMULATOR_POST_FIELDS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/emulator/http_text.h"

namespace braid::emulator {

// Gathers the posts of one answer: their `data` objects and what is included.
class PostFields {
 public:
  explicit PostFields(const HttpRequest& request);

  // `v2_body` is a post as the stream sends it.
  void Add(absl::string_view v2_body);

  const std::vector<std::string>& data() const { return data_; }
  // `"includes":{…}`, or "" when there is none.
  std::string Includes() const;

 private:
  std::vector<std::string> tweet_fields_;
  std::vector<std::string> user_fields_;
  std::vector<std::string> expansions_;
  std::vector<std::string> data_;
  // By id: each object once per answer.
  std::map<std::string, std::string> users_;
  std::map<std::string, std::string> posts_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_POST_FIELDS_H_
