// Words for the emulator's posts: text in several scripts, emoji, names, URLs.
// It exists so that bodies look and compress like real posts and contain every
// kind of byte that a reader must survive (CJK, right-to-left, emoji, escapes).
//
// Pure: everything is drawn from the Random that is passed in. Threads: any.

#ifndef BRAID_TESTS_EMULATOR_POST_TEXT_H_
#define BRAID_TESTS_EMULATOR_POST_TEXT_H_

#include <string>

#include "base/random.h"

namespace braid::emulator {

// A language of a post: its v2 code, as in `data.lang`.
struct PostLanguage {
  const char* code;
  int words_row;
};

const PostLanguage& DrawLanguage(Random* random);

// About `chars` characters of plain UTF-8 (not yet JSON), cut at a word.
std::string DrawText(const PostLanguage& language, int chars, Random* random);

// One word of ASCII, usable in names, domains and tags.
const char* DrawAsciiWord(Random* random);

// `digits` decimal digits, the first not 0.
std::string DrawDigits(int digits, Random* random);

// `count` characters of [A-Za-z0-9], as in short links and file names.
std::string DrawToken(int count, Random* random);

// A JSON string literal with quotes. Non-ASCII text goes out as it is, or, if
// `escape_unicode`, as \uXXXX with surrogate pairs, as some of X's encoders do.
std::string JsonString(const std::string& text, bool escape_unicode);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_POST_TEXT_H_
