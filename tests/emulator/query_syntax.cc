#include "tests/emulator/query_syntax.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace braid::emulator {
namespace {

using Names = std::set<std::string>;

// Alone they would match a large part of all posts: X wants another term too.
const Names& WeakOperators() {
  static const Names kNames = {"has",
                               "is",
                               "lang",
                               "sample",
                               "followers_count",
                               "tweets_count",
                               "following_count",
                               "listed_count",
                               "statuses_count",
                               "friends_count",
                               "profile_country",
                               "profile_region",
                               "profile_locality",
                               "profile_subregion"};
  return kNames;
}

const Names& StrongOperators() {
  static const Names kNames = {"from",
                               "to",
                               "url",
                               "retweets_of",
                               "conversation_id",
                               "context",
                               "entity",
                               "place",
                               "place_country",
                               "point_radius",
                               "bounding_box",
                               "url_contains",
                               "url_title",
                               "url_description",
                               "source",
                               "contains",
                               "list",
                               "in_reply_to_tweet_id",
                               "retweets_of_tweet_id",
                               "quotes_of_tweet_id",
                               "in_reply_to_status_id",
                               "retweets_of_status_id",
                               "profile_point_radius",
                               "profile_bounding_box"};
  return kNames;
}

// Streams know them, searches do not.
const Names& StreamOperators() {
  static const Names kNames = {"sample", "bio", "bio_name", "bio_location"};
  return kNames;
}

bool IsKnown(const std::string& name, QueryUse use) {
  if (StreamOperators().count(name) > 0) return use == QueryUse::kStream;
  return WeakOperators().count(name) > 0 || StrongOperators().count(name) > 0;
}

bool EndsTerm(char c) { return c == ' ' || c == '(' || c == ')' || c == '"' || c == '\n'; }

// How much a part of a query narrows posts down.
enum class Strength { kStrong, kWeak, kNegative };

// Recursive descent: any := all ("OR" all)*, all := term+.
class Checker {
 public:
  Checker(absl::string_view text, QueryUse use) : text_(text), use_(use) {}

  std::string Run() {
    Strength strength = Any(0);
    if (problem_.empty() && at_ < text_.size()) Fail("missing EOF at ')'", at_);
    if (strength == Strength::kNegative) Fail("Rules must contain a non-negation term", 0);
    if (strength == Strength::kWeak) {
      Fail("Rules must contain at least one positive, non-stopword clause", 0);
    }
    return problem_;
  }

 private:
  void Fail(absl::string_view message, size_t at) {
    if (problem_.empty()) problem_ = absl::StrCat(message, " (at position ", at + 1, ")");
  }

  void FailHere() {
    std::string what = at_ < text_.size() ? std::string(1, text_[at_]) : "<EOF>";
    Fail(absl::StrCat("no viable alternative at input '", what, "'"), at_);
  }

  bool IsGood() const { return problem_.empty(); }
  bool IsAtEnd() const { return at_ >= text_.size(); }

  void SkipSpace() {
    while (!IsAtEnd() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }

  bool IsAtOr() const {
    return text_.substr(at_, 2) == "OR" && (at_ + 2 == text_.size() || EndsTerm(text_[at_ + 2]));
  }

  // Every choice has to be strong.
  Strength Any(int depth) {
    Strength strength = All(depth);
    while (IsGood() && !IsAtEnd() && IsAtOr()) {
      at_ += 2;
      strength = std::max(strength, All(depth));
    }
    return strength;
  }

  // One strong term is enough.
  Strength All(int depth) {
    Strength strength = Strength::kNegative;
    bool is_empty = true;
    for (SkipSpace(); IsGood() && !IsAtEnd() && text_[at_] != ')' && !IsAtOr(); SkipSpace()) {
      strength = std::min(strength, Term(depth));
      is_empty = false;
    }
    if (is_empty) FailHere();
    return strength;
  }

  Strength Term(int depth) {
    if (depth > kQueryDepthMax) Fail("Rule is nested too deeply", at_);
    if (!IsGood()) return Strength::kStrong;
    switch (text_[at_]) {
      case '-':
        ++at_;
        if (IsAtEnd() || text_[at_] == ' ') {
          FailHere();
        } else {
          Term(depth + 1);
        }
        return Strength::kNegative;
      case '(': {
        ++at_;
        Strength strength = Any(depth + 1);
        if (IsAtEnd()) Fail("mismatched input 'EOF' expecting ')'", at_);
        ++at_;
        return strength;
      }
      case '"':
        Quoted();
        return Strength::kStrong;
      default:
        return Plain();
    }
  }

  void Quoted() {
    size_t start = at_++;
    while (!IsAtEnd() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    if (IsAtEnd()) Fail("no viable alternative at character '\"'", start);
    if (at_ == start + 1) Fail("Rules must not contain empty quotes", start);
    ++at_;
  }

  Strength Plain() {
    size_t start = at_;
    while (!IsAtEnd() && !EndsTerm(text_[at_]) && text_[at_] != ':') ++at_;
    std::string word(text_.substr(start, at_ - start));
    if (!IsAtEnd() && text_[at_] == ':') return Operator(word, start);
    std::string lower = absl::AsciiStrToLower(word);
    if (lower == "and" || lower == "not" || lower == "or") {
      Fail(absl::StrCat("Ambiguous use of ", lower,
                        " as a keyword. Use a space to logically join two clauses, or \"", lower,
                        "\" to find occurrences of ", lower, " in text"),
           start);
    }
    return Strength::kStrong;
  }

  Strength Operator(const std::string& name, size_t start) {
    ++at_;
    if (!IsKnown(name, use_)) {
      Fail(absl::StrCat("Reference to invalid operator '", name,
                        "'. Operator is not available in current product or product packaging. "
                        "Please refer to complete available operator list"),
           start);
      return Strength::kStrong;
    }
    Value();
    return WeakOperators().count(name) > 0 ? Strength::kWeak : Strength::kStrong;
  }

  void Value() {
    size_t start = at_;
    if (!IsAtEnd() && text_[at_] == '"') return Quoted();
    bool is_box = !IsAtEnd() && text_[at_] == '[';
    while (!IsAtEnd() && (is_box ? text_[at_] != ']' : !EndsTerm(text_[at_]))) {
      if (!is_box && text_[at_] == ':') Fail("Cannot parse rule at ':'", at_);
      ++at_;
    }
    if (is_box && IsAtEnd()) Fail("mismatched input 'EOF' expecting ']'", at_);
    if (is_box) ++at_;
    if (at_ == start) FailHere();
  }

  const absl::string_view text_;
  const QueryUse use_;
  size_t at_ = 0;
  std::string problem_;
};

}  // namespace

std::string QueryProblem(absl::string_view text, QueryUse use) { return Checker(text, use).Run(); }

}  // namespace braid::emulator
