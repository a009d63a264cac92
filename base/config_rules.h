// A file of rules that a stream is to have:
//
//   rules:
//     - value: (cat OR dog) lang:en
//       tag: pets
//     - value: '#snow'
//
// Apart from the configuration proper (config_loader.h) because such a file may
// be hundreds of times longer. Adapter of yaml-cpp.
//
// Pure, threads: any. Bounds: the text that is passed in.

#ifndef BRAID_BASE_CONFIG_RULES_H_
#define BRAID_BASE_CONFIG_RULES_H_

#include <string>
#include <vector>

#include "base/config_loader.h"

namespace braid {

struct ConfigRule {
  std::string value;
  std::string tag;    // "": none
  std::string where;  // file:line:column
};

// Every mistake is added to `problems`, one value with two tags among them; `file` is its name in
// them. With mistakes the list is not complete.
std::vector<ConfigRule> ParseRuleFile(const std::string& text, const std::string& file,
                                      ConfigProblems* problems);

}  // namespace braid

#endif  // BRAID_BASE_CONFIG_RULES_H_
