// Why a connector of the demo is not receiving, from its own log: what X
// answered, and what to do about it. Pure.

#ifndef BRAID_DEPLOY_X_ANSWER_H_
#define BRAID_DEPLOY_X_ANSWER_H_

#include <string>

#include "absl/strings/string_view.h"

namespace braid::demo {

// Of a log in JSON lines. Empty when the newest word on the connection is that
// it stands, or there is none: "401 Unauthorized: … (unauthorized). Check …".
std::string LastAnswerOfX(absl::string_view log);

}  // namespace braid::demo

#endif  // BRAID_DEPLOY_X_ANSWER_H_
