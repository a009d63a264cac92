// Text as JSON, for the demo's summaries. Pure.

#ifndef BRAID_DEPLOY_JSON_TEXT_H_
#define BRAID_DEPLOY_JSON_TEXT_H_

#include <string>
#include <vector>

namespace braid::demo {

// With its quotes.
std::string JsonString(const std::string& text);
// "[…]".
std::string JsonStrings(const std::vector<std::string>& texts);

}  // namespace braid::demo

#endif  // BRAID_DEPLOY_JSON_TEXT_H_
