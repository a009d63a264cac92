#include "deploy/x_answer.h"

#include <gtest/gtest.h>

namespace braid::demo {
namespace {

constexpr char kRefused[] =
    R"({"ts":"x","level":"error","event":"connection_refused","msg":"m","cause":"unauthorized",)"
    R"("detail":"{\"title\":\"Unauthorized\",\"status\":401,\"detail\":\"Bad token\"}"})"
    "\n";
constexpr char kConnected[] = R"({"event":"connection_connected","connection":"a"})"
                              "\n";

TEST(LastAnswerOfXTest, ProblemOfXBecomesASentenceWithARemedy) {
  EXPECT_EQ(LastAnswerOfX(kRefused),
            "401 Unauthorized: Bad token (unauthorized). Check the token in "
            "source.bearer_token_file.");
}

TEST(LastAnswerOfXTest, NothingWhenTheConnectionStands) {
  EXPECT_EQ(LastAnswerOfX(""), "");
  EXPECT_EQ(LastAnswerOfX(kConnected), "");
  EXPECT_EQ(LastAnswerOfX(std::string(kRefused) + kConnected), "");
  EXPECT_NE(LastAnswerOfX(std::string(kConnected) + kRefused), "");
}

TEST(LastAnswerOfXTest, TextThatIsNoProblemDocumentIsShownAsItIs) {
  EXPECT_EQ(LastAnswerOfX(R"({"event":"connection_ended","cause":"dns","detail":"Could not resolve host: x"})"),
            "Could not resolve host: x (dns). Check source.url and this machine's network.");
  EXPECT_EQ(LastAnswerOfX("{broken connection_ended\n"), "");
}

}  // namespace
}  // namespace braid::demo
