// The stream's rules as X lists them at present, all pages of them.
//
// Threads: the loop. Ownership: asker and api outlive it; who destroys the asker
// gets no answer. Bounds: PageAsker's.

#ifndef BRAID_RECOVERY_RULE_READER_H_
#define BRAID_RECOVERY_RULE_READER_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ingest/x_dialect.h"
#include "ingest/x_rules.h"
#include "recovery/page_asker.h"

namespace braid {

class RuleReader {
 public:
  // May destroy the reader and the asker.
  using Done = std::function<void(absl::StatusOr<std::vector<XRule>>)>;

  RuleReader(PageAsker& asker, const RuleApi& api, XAuth auth)
      : asker_(asker), api_(api), auth_(auth) {}

  // Once.
  void Read(Done done);

 private:
  void Ask(const std::string& page_token);
  void OnPage(const std::string& body);

  PageAsker& asker_;
  const RuleApi& api_;
  const XAuth auth_;
  Done done_;
  std::vector<XRule> rules_;
};

}  // namespace braid

#endif  // BRAID_RECOVERY_RULE_READER_H_
