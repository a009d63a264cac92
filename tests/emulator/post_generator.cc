#include "tests/emulator/post_generator.h"

#include <zstd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/random.h"
#include "proto/snowflake.h"
#include "tests/emulator/post_text.h"

namespace braid::emulator {
namespace {

// Control characters never occur in JSON, so they can not be mistaken.
constexpr char kIdMark = '\x02';
constexpr char kCreatedAtMark = '\x03';
constexpr char kEditableUntilMark = '\x04';

// Big enough that allocation is rare, small enough for quick tests.
constexpr size_t kArenaBytes = 1 << 20;

// Body sizes follow a log-normal distribution; 0.36 puts 1 % near 1 KB and
// 1 % near 4.5 KB around a mean of 2 KB.
constexpr double kSizeSigma = 0.36;

struct Context {
  Random* random;
  bool escape_unicode;
};

using Members = std::vector<std::string>;

std::string Quote(const std::string& text, const Context& context) {
  return JsonString(text, context.escape_unicode);
}

void Shuffle(Members* members, Random* random) {
  for (size_t i = members->size(); i > 1; --i) {
    std::swap((*members)[i - 1], (*members)[random->Below(i)]);
  }
}

std::string Join(const Members& members, char open, char close) {
  std::string out(1, open);
  for (const std::string& member : members) {
    if (out.size() > 1) out += ',';
    out += member;
  }
  return out + close;
}

// X keeps the order within one kind of object mostly stable; some of them are
// shuffled here so that no reader relies on it.
std::string Object(Members members, const Context& context) {
  if (context.random->Below(8) == 0) Shuffle(&members, context.random);
  return Join(members, '{', '}');
}

std::string OtherId(Random* random) { return "1" + DrawDigits(18, random); }

uint64_t SmallCount(Random* random) {
  double unit = random->Unit();
  return static_cast<uint64_t>(unit * unit * unit * 900);
}

// A post that was just created has no likes yet.
constexpr char kNewPostMetrics[] =
    R"({"retweet_count":0,"reply_count":0,"like_count":0,"quote_count":0,"bookmark_count":0,"impression_count":0})";

std::string PostMetrics(const Context& c) {
  return Object(
      {absl::StrCat("\"retweet_count\":", SmallCount(c.random)),
       absl::StrCat("\"reply_count\":", SmallCount(c.random) / 10),
       absl::StrCat("\"like_count\":", SmallCount(c.random)), "\"quote_count\":0",
       "\"bookmark_count\":0", absl::StrCat("\"impression_count\":", SmallCount(c.random))},
      c);
}

std::string User(const std::string& id, const Context& c) {
  std::string name = absl::StrCat(DrawAsciiWord(c.random), "_", DrawAsciiWord(c.random));
  const PostLanguage& language = DrawLanguage(c.random);
  return Object(
      {absl::StrCat("\"id\":\"", id, "\""),
       absl::StrCat("\"name\":", Quote(DrawText(language, 12, c.random), c)),
       absl::StrCat("\"username\":\"", name, DrawDigits(2, c.random), "\""),
       absl::StrCat("\"created_at\":\"20", DrawDigits(2, c.random).replace(0, 1, "1"), "-0",
                    1 + c.random->Below(9), "-1", c.random->Below(10), "T0", c.random->Below(10),
                    ":15:42.000Z\""),
       absl::StrCat("\"description\":",
                    Quote(DrawText(language, 20 + c.random->Below(60), c.random), c)),
       absl::StrCat("\"verified\":", c.random->Below(4) == 0 ? "true" : "false"),
       "\"protected\":false",
       absl::StrCat("\"profile_image_url\":\"https://pbs.twimg.com/profile_images/",
                    DrawDigits(12, c.random), "/", DrawToken(6, c.random), "_normal.jpg\""),
       absl::StrCat("\"public_metrics\":{\"followers_count\":", SmallCount(c.random),
                    ",\"following_count\":", SmallCount(c.random),
                    ",\"tweet_count\":", SmallCount(c.random) * 7,
                    ",\"listed_count\":0,\"like_count\":", SmallCount(c.random) * 3,
                    ",\"media_count\":", SmallCount(c.random), "}")},
      c);
}

std::string ReferencedPost(const std::string& id, const Context& c) {
  const PostLanguage& language = DrawLanguage(c.random);
  return Object({absl::StrCat("\"id\":\"", id, "\""),
                 absl::StrCat("\"text\":", Quote(DrawText(language, 110, c.random), c)),
                 absl::StrCat("\"author_id\":\"", OtherId(c.random), "\""),
                 absl::StrCat("\"edit_history_tweet_ids\":[\"", id, "\"]"),
                 absl::StrCat("\"lang\":\"", language.code, "\""),
                 absl::StrCat("\"public_metrics\":", PostMetrics(c))},
                c);
}

std::string Annotation(const Context& c) {
  static constexpr const char* kDomains[] = {
      R"({"id":"46","name":"Business Taxonomy","description":"Categories within Brand Verticals that narrow down the scope of Brands"})",
      R"({"id":"131","name":"Unified Twitter Taxonomy","description":"A taxonomy of user interests. "})",
      R"({"id":"30","name":"Entities [Entity Service]","description":"Entity Service top level domain, every item that is in Entity Service should be in this domain"})",
      R"({"id":"66","name":"Interests and Hobbies Category","description":"A grouping of interests and hobbies entities, like Novelty Food or Destinations"})",
  };
  // The same topic always has the same id, as in X's taxonomy.
  uint64_t topic = c.random->Below(200);
  SeededRandom topic_random(topic);
  const char* name = DrawAsciiWord(&topic_random);
  return absl::StrCat("{\"domain\":", kDomains[topic % 4], ",\"entity\":{\"id\":\"",
                      DrawDigits(10, &topic_random), "\",\"name\":\"", name, " ",
                      DrawAsciiWord(&topic_random), "\"}}");
}

std::string UrlEntity(const Context& c) {
  std::string token = DrawToken(10, c.random);
  const char* host = DrawAsciiWord(c.random);
  const char* page = DrawAsciiWord(c.random);
  uint64_t start = c.random->Below(200);
  return absl::StrCat("{\"start\":", start, ",\"end\":", start + 23, ",\"url\":\"https://t.co/",
                      token, "\",\"expanded_url\":\"https://www.", host, ".example/", page, "/",
                      DrawDigits(5, c.random), "\",\"display_url\":\"", host, ".example/", page,
                      "\",\"status\":200,\"title\":",
                      Quote(DrawText(DrawLanguage(c.random), 30, c.random), c), "}");
}

std::string Rule(Random* random) {
  static constexpr const char* kTags[] = {"news", "sport: football", "météo", "brand", "日本"};
  uint64_t rule = random->Below(5);
  return absl::StrCat("{\"id\":\"166837483748374", 1000 + rule * 17, "\",\"tag\":\"", kTags[rule],
                      "\"}");
}

std::string MatchingRules(Random* random) {
  Members rules = {Rule(random)};
  if (random->Below(4) == 0) rules.push_back(Rule(random));
  return "\"matching_rules\":" + Join(rules, '[', ']');
}

// The parts of one post while it is being put together.
struct Draft {
  Members data;
  Members users;
  Members posts;
  Members references;
  Members annotations;
  Members urls;
  size_t bytes = 0;

  void Add(Members* members, std::string member) {
    bytes += member.size() + 1;
    members->push_back(std::move(member));
  }
};

void AddBasics(const GeneratorOptions& options, const Context& c, Draft* draft) {
  const std::string id(kIdDigits, kIdMark);
  const PostLanguage& language = DrawLanguage(c.random);
  std::string text = DrawText(language, 40 + c.random->Below(200), c.random);
  // A trap for readers that look for the first "id" by searching bytes.
  if (c.random->Below(50) == 0) text += "{\"id\":\"1\"} \\";
  std::string author = OtherId(c.random);
  bool is_root = c.random->Below(3) != 0;
  auto add = [draft](std::string member) { draft->Add(&draft->data, std::move(member)); };
  add(absl::StrCat("\"id\":\"", id, "\""));
  add(absl::StrCat("\"text\":", Quote(text, c)));
  add(absl::StrCat("\"edit_history_tweet_ids\":[\"", id, "\"]"));
  add(absl::StrCat("\"author_id\":\"", author, "\""));
  add(absl::StrCat("\"conversation_id\":\"", is_root ? id : OtherId(c.random), "\""));
  add(absl::StrCat("\"lang\":\"", language.code, "\""));
  add("\"possibly_sensitive\":false");
  add("\"reply_settings\":\"everyone\"");
  add(absl::StrCat("\"edit_controls\":{\"edits_remaining\":5,\"is_edit_eligible\":true,",
                   "\"editable_until\":\"", std::string(kCreatedAtChars, kEditableUntilMark),
                   "\"}"));
  add(absl::StrCat("\"public_metrics\":",
                   c.random->Below(10) == 0 ? PostMetrics(c) : kNewPostMetrics));
  if (options.has_created_at) {
    add(absl::StrCat("\"created_at\":\"", std::string(kCreatedAtChars, kCreatedAtMark), "\""));
  }
  draft->Add(&draft->users, User(author, c));
}

// Adds one optional part, the way posts differ: links, topics, quoted posts.
void AddExtra(const Context& c, Draft* draft) {
  switch (c.random->Below(6)) {
    case 0: {
      std::string id = OtherId(c.random);
      draft->Add(&draft->references, absl::StrCat("{\"type\":\"quoted\",\"id\":\"", id, "\"}"));
      draft->Add(&draft->posts, ReferencedPost(id, c));
      return;
    }
    case 1:
      return draft->Add(&draft->users, User(OtherId(c.random), c));
    case 2:
      return draft->Add(&draft->urls, UrlEntity(c));
    default:
      return draft->Add(&draft->annotations, Annotation(c));
  }
}

std::string Assemble(Draft draft, const Context& c, bool has_newline) {
  auto add_list = [&draft](const char* name, const Members& list) {
    if (!list.empty()) draft.data.push_back(absl::StrCat("\"", name, "\":", Join(list, '[', ']')));
  };
  add_list("referenced_tweets", draft.references);
  add_list("context_annotations", draft.annotations);
  if (!draft.urls.empty()) {
    draft.data.push_back(absl::StrCat("\"entities\":{\"urls\":", Join(draft.urls, '[', ']'), "}"));
  }
  Shuffle(&draft.data, c.random);
  Members includes = {"\"users\":" + Join(draft.users, '[', ']')};
  if (!draft.posts.empty()) includes.push_back("\"tweets\":" + Join(draft.posts, '[', ']'));
  Shuffle(&includes, c.random);
  Members top = {"\"data\":" + Join(draft.data, '{', '}'),
                 "\"includes\":" + Join(includes, '{', '}'), MatchingRules(c.random)};
  Shuffle(&top, c.random);
  if (has_newline) top.back().insert(0, "\n");
  return Join(top, '{', '}') + "\r\n";
}

double Normal(Random* random) {
  double radius = std::sqrt(-2 * std::log(1 - random->Unit()));
  return radius * std::cos(2 * M_PI * random->Unit());
}

}  // namespace

std::string PostGenerator::Render(uint64_t index) const {
  // Mixed so that neighbouring indexes and seeds share nothing.
  SeededRandom mixer(options_.seed * 0x9e3779b97f4a7c15 + index);
  SeededRandom random(mixer.Next());
  Context context{&random, random.Below(4) == 0};
  double median = static_cast<double>(options_.mean_bytes) / std::exp(kSizeSigma * kSizeSigma / 2);
  auto target = static_cast<size_t>(median * std::exp(kSizeSigma * Normal(&random)));
  // 150 and 600: an extra is added while half of a typical one still fits;
  // the largest single part (escaped text) has 1 KB.
  target = std::clamp<size_t>(target, kBodyBytesMin, kBodyBytesMax - 1100);
  for (;;) {
    Draft draft;
    AddBasics(options_, context, &draft);
    while (draft.bytes + 300 < target) AddExtra(context, &draft);
    std::string body =
        Assemble(std::move(draft), context, random.Unit() < options_.newline_fraction);
    if (body.size() >= kBodyBytesMin && body.size() <= kBodyBytesMax) return body;
    // Too short for X's shape: ask for more, and too long: for less.
    target = body.size() < kBodyBytesMin ? target + 100 : target - std::min<size_t>(target, 200);
  }
}

PostBody LocatePlaceholders(const char* bytes, size_t size) {
  PostBody body;
  body.bytes = bytes;
  body.size = static_cast<uint32_t>(size);
  for (size_t at = 0; at < size; ++at) {
    if (bytes[at] == kIdMark) {
      BRAID_CHECK(body.id_count < body.id_offsets.size());
      body.id_offsets[body.id_count++] = static_cast<uint16_t>(at);
      at += kIdDigits;
    } else if (bytes[at] == kCreatedAtMark) {
      body.created_at_offset = static_cast<uint16_t>(at);
      at += kCreatedAtChars;
    } else if (bytes[at] == kEditableUntilMark) {
      body.editable_until_offset = static_cast<uint16_t>(at);
      at += kCreatedAtChars;
    }
  }
  return body;
}

namespace {

void WriteDigits(uint64_t value, size_t digits, char* out) {
  for (size_t i = digits; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

// X lets a post be edited for that long.
constexpr absl::Duration kEditable = absl::Minutes(30);

// Formatting a date costs more than copying a body, and neighbours share the
// second, so the last one is kept.
struct LastDate {
  int64_t second = -1;
  std::string text;
};

void WriteDate(absl::Time time, LastDate* last, char* out) {
  int64_t second = absl::ToUnixSeconds(time);
  if (second != last->second) {
    last->text = absl::FormatTime("%Y-%m-%dT%H:%M:%S.000Z", absl::FromUnixSeconds(second),
                                  absl::UTCTimeZone());
    last->second = second;
  }
  std::memcpy(out, last->text.data(), kCreatedAtChars);
}

}  // namespace

void PatchBody(const PostBody& body, uint64_t id, char* out) {
  std::memcpy(out, body.bytes, body.size);
  char* first = out + body.id_offsets[0];
  WriteDigits(id, kIdDigits, first);
  for (int i = 1; i < body.id_count; ++i) std::memcpy(out + body.id_offsets[i], first, kIdDigits);
  thread_local LastDate created_at;
  thread_local LastDate editable_until;
  absl::Time created = SnowflakeTime(id);
  if (body.created_at_offset != 0) WriteDate(created, &created_at, out + body.created_at_offset);
  if (body.editable_until_offset != 0) {
    WriteDate(created + kEditable, &editable_until, out + body.editable_until_offset);
  }
}

BodyPool::BodyPool(const GeneratorOptions& options, size_t count)
    : generator_(options), bodies_(count) {
  BRAID_CHECK(count > 0);
}

const PostBody& BodyPool::Get(size_t index) {
  PostBody& body = bodies_[index];
  if (body.bytes == nullptr) {
    std::string rendered = generator_.Render(index);
    char* bytes = Allocate(rendered.size());
    std::memcpy(bytes, rendered.data(), rendered.size());
    body = LocatePlaceholders(bytes, rendered.size());
  }
  return body;
}

void BodyPool::RenderAll() {
  for (size_t i = 0; i < bodies_.size(); ++i) Get(i);
}

char* BodyPool::Allocate(size_t size) {
  if (size > arena_left_) {
    arena_.push_back(std::make_unique<char[]>(kArenaBytes));
    arena_next_ = arena_.back().get();
    arena_left_ = kArenaBytes;
  }
  char* bytes = arena_next_;
  arena_next_ += size;
  arena_left_ -= size;
  return bytes;
}

double BodyPool::CompressionRatio(int frames) {
  constexpr size_t kFrameBytes = 64 << 10;
  size_t plain_bytes = 0;
  size_t packed_bytes = 0;
  size_t next = 0;
  uint64_t id = FirstSnowflakeAt(absl::FromUnixSeconds(1700000000));
  for (int i = 0; i < frames; ++i) {
    std::string frame;
    while (frame.size() < kFrameBytes) {
      const PostBody& body = Get(next++ % count());
      frame.resize(frame.size() + body.size);
      PatchBody(body, id += 12345678, frame.data() + frame.size() - body.size);
    }
    std::string packed(ZSTD_compressBound(frame.size()), '\0');
    size_t size = ZSTD_compress(packed.data(), packed.size(), frame.data(), frame.size(), 1);
    BRAID_CHECK(!ZSTD_isError(size));
    plain_bytes += frame.size();
    packed_bytes += size;
  }
  return static_cast<double>(plain_bytes) / static_cast<double>(packed_bytes);
}

}  // namespace braid::emulator
