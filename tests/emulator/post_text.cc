#include "tests/emulator/post_text.h"

#include <array>
#include <cstdint>
#include <cstdio>

namespace braid::emulator {
namespace {

constexpr std::array<PostLanguage, 10> kLanguages = {{
    // English stands several times since it is the most frequent.
    {"en", 0},
    {"en", 0},
    {"en", 0},
    {"en", 0},
    {"es", 1},
    {"pt", 1},
    {"ja", 2},
    {"ja", 2},
    {"ko", 3},
    {"ar", 4},
}};

constexpr std::array<const char*, 96> kEnglish = {
    "the",      "and",     "you",      "that",     "this",     "with",    "have",    "just",
    "not",      "like",    "what",     "when",     "people",   "about",   "today",   "never",
    "really",   "going",   "love",     "know",     "time",     "good",    "new",     "day",
    "game",     "match",   "team",     "season",   "music",    "album",   "video",   "live",
    "watch",    "world",   "news",     "breaking", "market",   "price",   "update",  "release",
    "storm",    "weather", "city",     "train",    "delay",    "morning", "night",   "coffee",
    "friend",   "family",  "school",   "work",     "office",   "launch",  "rocket",  "space",
    "election", "vote",    "minister", "report",   "science",  "paper",   "model",   "data",
    "stream",   "photo",   "camera",   "garden",   "mountain", "river",   "beach",   "summer",
    "winter",   "holiday", "travel",   "airport",  "hotel",    "food",    "recipe",  "kitchen",
    "cat",      "dog",     "bird",     "movie",    "series",   "actor",   "episode", "book",
    "author",   "chapter", "story",    "history",  "museum",   "art",     "design",  "colour",
};

constexpr std::array<const char*, 40> kRomance = {
    "que",     "não",    "está",    "mañana", "corazón", "você",     "também",   "año",
    "después", "fútbol", "gol",     "jogo",   "música",  "canção",   "ciudad",   "cidade",
    "gente",   "amigos", "família", "niños",  "trabajo", "escola",   "noticias", "última",
    "hora",    "lluvia", "chuva",   "sol",    "playa",   "praia",    "fiesta",   "festa",
    "comida",  "café",   "pão",     "viaje",  "viagem",  "película", "filme",    "historia",
};

constexpr std::array<const char*, 32> kJapanese = {
    "今日",       "は",       "とても", "楽しい", "です", "明日",   "の",   "天気",
    "東京",       "大阪",     "電車",   "遅延",   "地震", "速報",   "試合", "勝利",
    "ありがとう", "おはよう", "写真",   "動画",   "新曲", "発売",   "予約", "限定",
    "桜",         "雪",       "夏休み", "学校",   "仕事", "疲れた", "猫",   "ラーメン",
};

constexpr std::array<const char*, 24> kKorean = {
    "오늘",       "정말", "좋아요", "사랑해", "우리",   "친구", "음악", "방송",
    "서울",       "부산", "날씨",   "비가",   "내일",   "경기", "축구", "팬미팅",
    "감사합니다", "생일", "축하해", "영화",   "드라마", "커피", "학교", "여행",
};

constexpr std::array<const char*, 24> kArabic = {
    "اليوم", "الله",  "يا",     "رب",   "صباح", "الخير", "مساء",  "الحب",
    "كرة",   "القدم", "مباراة", "هدف",  "عاجل", "أخبار", "مدينة", "الرياض",
    "مصر",   "شكرا",  "جميل",   "صورة", "قهوة", "سفر",   "بحر",   "شتاء",
};

constexpr std::array<const char*, 20> kEmoji = {
    "😂",
    "❤️",
    "🔥",
    "😭",
    "✨",
    "🙏",
    "👍",
    "🎉",
    "🚀",
    "⚽",
    "☕",
    "🌸",
    "👀",
    "💯",
    "🇯🇵",
    "👩‍💻",
    "🏳️‍🌈",
    "🥲",
    "🤔",
    "👋🏽",
};

constexpr std::array<const char*, 12> kMarks = {
    ",", ".", "!", "?", "…", "\n", "\n\n", " —", ":", " \"", "\" ", " \\o/",
};

// Zipf-like: the third power of a uniform number favours the first words, as
// speech does.
template <typename Table>
const char* DrawFrom(const Table& table, Random* random) {
  double unit = random->Unit();
  return table[static_cast<size_t>(unit * unit * unit * static_cast<double>(table.size()))];
}

const char* DrawWord(int row, Random* random) {
  switch (row) {
    case 1:
      return DrawFrom(kRomance, random);
    case 2:
      return DrawFrom(kJapanese, random);
    case 3:
      return DrawFrom(kKorean, random);
    case 4:
      return DrawFrom(kArabic, random);
    default:
      return DrawFrom(kEnglish, random);
  }
}

int CharCount(const std::string& text) {
  int count = 0;
  for (char c : text) count += (static_cast<uint8_t>(c) & 0xC0) != 0x80;
  return count;
}

// Decodes the UTF-8 sequence at `*at`. REQUIRES: valid UTF-8.
uint32_t NextCodePoint(const std::string& text, size_t* at) {
  auto byte = static_cast<uint8_t>(text[(*at)++]);
  int more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : byte >= 0xC0 ? 1 : 0;
  uint32_t point = more == 0 ? byte : byte & (0x3F >> more);
  for (; more > 0; --more) point = point << 6 | (static_cast<uint8_t>(text[(*at)++]) & 0x3F);
  return point;
}

void AppendUnit(uint32_t unit, std::string* out) {
  char buffer[8];
  std::snprintf(buffer, sizeof(buffer), "\\u%04x", unit & 0xFFFF);
  *out += buffer;
}

void AppendEscaped(uint32_t point, std::string* out) {
  if (point < 0x10000) return AppendUnit(point, out);
  AppendUnit(0xD800 + ((point - 0x10000) >> 10), out);
  AppendUnit(0xDC00 + ((point - 0x10000) & 0x3FF), out);
}

}  // namespace

const PostLanguage& DrawLanguage(Random* random) {
  return kLanguages[random->Below(kLanguages.size())];
}

std::string DrawText(const PostLanguage& language, int chars, Random* random) {
  std::string text;
  int left = chars;
  while (left > 0) {
    std::string word = DrawWord(language.words_row, random);
    uint64_t dice = random->Below(40);
    if (dice == 0) word = kEmoji[random->Below(kEmoji.size())];
    if (dice == 1) word += kMarks[random->Below(kMarks.size())];
    if (dice == 2) word = "#" + word;
    if (!text.empty() && language.words_row != 2) text += ' ';
    text += word;
    left -= CharCount(word) + 1;
  }
  return text;
}

const char* DrawAsciiWord(Random* random) { return kEnglish[random->Below(kEnglish.size())]; }

std::string DrawDigits(int digits, Random* random) {
  std::string out(digits, '0');
  for (int i = 0; i < digits; ++i) out[i] = static_cast<char>('0' + random->Below(10));
  if (out[0] == '0') out[0] = '1';
  return out;
}

std::string DrawToken(int count, Random* random) {
  static constexpr char kAlphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string out(count, 'A');
  for (char& c : out) c = kAlphabet[random->Below(sizeof(kAlphabet) - 1)];
  return out;
}

std::string JsonString(const std::string& text, bool escape_unicode) {
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    auto byte = static_cast<uint8_t>(text[at]);
    if (byte >= 0x80 && escape_unicode) {
      AppendEscaped(NextCodePoint(text, &at), &out);
      continue;
    }
    ++at;
    if (byte == '"' || byte == '\\') out += '\\';
    if (byte == '\n') {
      out += "\\n";
    } else if (byte < 0x20) {
      AppendUnit(byte, &out);
    } else {
      out += static_cast<char>(byte);
    }
  }
  return out + '"';
}

}  // namespace braid::emulator
