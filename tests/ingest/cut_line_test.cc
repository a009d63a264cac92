#include "ingest/cut_line.h"

#include "gtest/gtest.h"

namespace braid {
namespace {

TEST(CutLineTest, IdIsFoundWhereverThePostHasIt) {
  EXPECT_EQ(PostIdInCutLine(R"({"data":{"id":"1234","text":"hel)"), 1234);
  EXPECT_EQ(PostIdInCutLine(R"({"data":{"text":"a\"id\":\"9\"","id":"1234")"), 1234);
  EXPECT_EQ(PostIdInCutLine(R"({"matching_rules":[{"id":"7"}],"data":{"id":"1234",)"), 1234);
  EXPECT_EQ(PostIdInCutLine(R"({"id":1234,"id_str":"1234","user":{"id_str":"5"})"), 1234);
}

TEST(CutLineTest, OtherIdsAndHalfIdsAreNotThePosts) {
  EXPECT_EQ(PostIdInCutLine(""), 0);
  EXPECT_EQ(PostIdInCutLine(R"({"data":{"id":"12)"), 0);
  EXPECT_EQ(PostIdInCutLine(R"({"data":{"author":{"id":"7"},"te)"), 0);
  EXPECT_EQ(PostIdInCutLine(R"({"matching_rules":[{"id":"7"}],"da)"), 0);
  EXPECT_EQ(PostIdInCutLine(R"({"data":{"text":"\)"), 0);
  EXPECT_EQ(PostIdInCutLine(R"({"data":{"text":"a"},"includes":{"id":"7")"), 0);
}

}  // namespace
}  // namespace braid
