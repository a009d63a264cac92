#include "dedupe/access.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

TEST(AccessTest, AReaderListsRulesAndChangesNone) {
  EXPECT_TRUE(MayAccess(Role::kReader, AccessOf(v1::RuleAction::KIND_LIST)));
  for (v1::RuleAction::Kind kind :
       {v1::RuleAction::KIND_UNSPECIFIED, v1::RuleAction::KIND_ADD, v1::RuleAction::KIND_REMOVE,
        v1::RuleAction::KIND_SYNC, v1::RuleAction::KIND_VALIDATE}) {
    EXPECT_FALSE(MayAccess(Role::kReader, AccessOf(kind))) << kind;
    EXPECT_TRUE(MayAccess(Role::kOperator, AccessOf(kind))) << kind;
  }
  EXPECT_FALSE(MayAccess(Role::kConnector, AccessOf(v1::RuleAction::KIND_LIST)));
}

}  // namespace
}  // namespace braid
