#include "ingest/x_array.h"

#include "gtest/gtest.h"

namespace braid {
namespace {

TEST(ArrayTest, ElementsComeByteForByte) {
  std::vector<absl::string_view> elements;
  ASSERT_TRUE(SplitArray(R"( [ {"a":[1,2],"b":"x,]}\"" } , 7,[ ] ] )", &elements));
  EXPECT_EQ(elements, (std::vector<absl::string_view>{R"({"a":[1,2],"b":"x,]}\"" })", "7", "[ ]"}));
}

TEST(ArrayTest, EmptyArrayHasNoElements) {
  std::vector<absl::string_view> elements;
  EXPECT_TRUE(SplitArray("[]", &elements));
  EXPECT_TRUE(SplitArray(" [ ] ", &elements));
  EXPECT_TRUE(elements.empty());
}

TEST(ArrayTest, WhatDoesNotCloseOrGoesOnIsNoArray) {
  for (absl::string_view line : {"", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[\"a]", "[\"a\\\"]",
                                 "[{]", "[}]", "[[1]", "[1] 2", "{}", "[1]]"}) {
    std::vector<absl::string_view> elements;
    EXPECT_FALSE(SplitArray(line, &elements)) << line;
  }
}

TEST(ArrayTest, MembersOfAnObjectComeByteForByte) {
  std::vector<JsonPart> parts;
  ASSERT_TRUE(SplitObject(R"( {"a" : [1,{"x":2}] , "b\"}" :"y,}","c":{ }} )", &parts));
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].name, "a");
  EXPECT_EQ(parts[0].value, R"([1,{"x":2}])");
  EXPECT_EQ(parts[1].name, R"(b\"})");
  EXPECT_EQ(parts[1].value, R"("y,}")");
  EXPECT_EQ(parts[2].value, "{ }");
  parts.clear();
  EXPECT_TRUE(SplitObject("{}", &parts));
  EXPECT_TRUE(parts.empty());
  for (absl::string_view text : {"", "{", "[]", "{1}", "{\"a\"}", "{\"a\":}", "{\"a\":1",
                                 "{\"a\":1]", "{\"a\":1,}", "{\"a\":1}}", "{\"a:1}"}) {
    EXPECT_FALSE(SplitObject(text, &parts)) << text;
  }
}

TEST(ArrayTest, ALineIsAnArrayByItsFirstCharacter) {
  EXPECT_TRUE(IsArrayLine(" \n[1]"));
  EXPECT_FALSE(IsArrayLine("{\"a\":[]}"));
  EXPECT_FALSE(IsArrayLine("  "));
}

}  // namespace
}  // namespace braid
