// Bodies of posts as the v2 filtered stream sends them, made from a seed:
// `{"data":{...},"includes":{...},"matching_rules":[...]}` + "\r\n", 1 to 5 KB,
// members in shuffled order. Body i of a seed is the same in every run, and
// can be rendered without those before it.
//
// The id, the creation time and the end of edits are left open: a body remembers where they
// stand, and PatchBody writes them into a copy. That is what makes 150,000
// posts a second cheap.
//
// Threads: PostGenerator any; BodyPool one thread. Bounds: BodyPool holds
// `count` bodies of at most 5 KB.

#ifndef BRAID_TESTS_EMULATOR_POST_GENERATOR_H_
#define BRAID_TESTS_EMULATOR_POST_GENERATOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace braid::emulator {

// Ids have 19 digits from 2018 until 2084, so a fixed field is enough.
inline constexpr size_t kIdDigits = 19;
// "2026-01-01T00:00:00.000Z"
inline constexpr size_t kCreatedAtChars = 24;
inline constexpr size_t kBodyBytesMin = 1024;
inline constexpr size_t kBodyBytesMax = 5120;

struct GeneratorOptions {
  uint64_t seed = 1;
  // 2 KB: posts with the usual fields and expansions. Between 1,200 and 4,000.
  size_t mean_bytes = 2048;
  // Is `data.created_at` among the fields? X sends it only when asked.
  bool has_created_at = true;
  // Share of bodies with a bare newline between members, which X's older
  // documents allow. Readers that print a payload per line do not expect it.
  double newline_fraction = 0;
};

// A rendered body without its id. `bytes` belongs to whoever made it.
struct PostBody {
  const char* bytes = nullptr;
  uint32_t size = 0;
  uint8_t id_count = 0;
  // data.id, edit_history_tweet_ids, and conversation_id where it is a root.
  std::array<uint16_t, 4> id_offsets{};
  // 0: none.
  uint16_t created_at_offset = 0;
  // edit_controls.editable_until.
  uint16_t editable_until_offset = 0;
};

class PostGenerator {
 public:
  explicit PostGenerator(const GeneratorOptions& options) : options_(options) {}

  // Body `index` with placeholder bytes where id and time stand; ends in \r\n.
  std::string Render(uint64_t index) const;

 private:
  const GeneratorOptions options_;
};

// Where the placeholders of a rendered body are. `bytes` must outlive it.
PostBody LocatePlaceholders(const char* bytes, size_t size);

// Writes body with the id into `out` (body.size bytes). The creation time is
// the id's, whole seconds, as X prints it; edits end 30 minutes later.
void PatchBody(const PostBody& body, uint64_t id, char* out);

// `count` bodies, each rendered when first asked for.
class BodyPool {
 public:
  BodyPool(const GeneratorOptions& options, size_t count);

  const PostBody& Get(size_t index);
  void RenderAll();
  size_t count() const { return bodies_.size(); }

  // Plain bytes over compressed bytes of frames of 64 KB, zstd level 1, the
  // way a connector would pack them. Uses the first `frames` frames.
  double CompressionRatio(int frames);

 private:
  char* Allocate(size_t size);

  const PostGenerator generator_;
  std::vector<PostBody> bodies_;
  std::vector<std::unique_ptr<char[]>> arena_;
  size_t arena_left_ = 0;
  char* arena_next_ = nullptr;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_POST_GENERATOR_H_
