#include "tests/emulator/scrambler.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/emulator/http_text.h"
#include "tests/emulator/json_slice.h"

namespace braid::emulator {
namespace {

// Removes the rule; false when no other is left.
bool LoseTag(const std::string& tag, std::string* record) {
  std::string rules(JsonMember(*record, "matching_rules"));
  // Where Activity Streams have them.
  if (rules.empty()) rules = std::string(JsonMember(JsonMember(*record, "gnip"), "matching_rules"));
  if (rules.empty()) return true;
  std::vector<absl::string_view> kept;
  std::vector<absl::string_view> all = JsonElements(rules);
  for (absl::string_view rule : all) {
    if (JsonMember(rule, "tag") != JsonText(tag)) kept.push_back(rule);
  }
  if (kept.size() == all.size()) return true;
  if (kept.empty()) return false;
  record->replace(record->find(rules), rules.size(),
                  absl::StrCat("[", absl::StrJoin(kept, ","), "]"));
  return true;
}

// Counts move on between two copies of a post.
void Vary(std::string* record) {
  for (const char* count : {"\"quote_count\":", "\"favorite_count\":", "\"favoritesCount\":"}) {
    size_t at = record->find(count);
    if (at != std::string::npos) {
      record->insert(at + std::string(count).size(), "1");
      return;
    }
  }
}

void MakeIdNumeric(std::string* record) {
  std::string data(JsonMember(*record, "data"));
  std::string id(JsonMember(data, "id"));
  if (id.size() < 3) return;
  size_t at = record->find(absl::StrCat("\"id\":", id));
  if (at != std::string::npos) record->replace(at + 5, id.size(), id.substr(1, id.size() - 2));
}

}  // namespace

void Scrambler::Hold(std::string text, uint64_t emission, Moment now) {
  absl::Duration due = now.elapsed + faults_.reorder * random_.Unit();
  if (faults_.late > 0 && random_.Unit() < faults_.late) due = now.elapsed + faults_.late_by;
  held_.emplace(due, Held{std::move(text), emission});
}

void Scrambler::PutPost(std::string text, uint64_t emission, Moment now,
                        std::vector<uint64_t>* dropped) {
  if (emission == kNoEmission) return Hold(std::move(text), emission, now);
  if (!faults_.lost_tag.empty() && !LoseTag(faults_.lost_tag, &text)) {
    dropped->push_back(emission);
    return;
  }
  if (random_.Unit() < faults_.numeric_ids) MakeIdNumeric(&text);
  if (random_.Unit() < faults_.duplicates) Hold(text, kNoEmission, now);
  if (random_.Unit() < faults_.variants) {
    std::string other = text;
    Vary(&other);
    Hold(std::move(other), kNoEmission, now);
  }
  Hold(std::move(text), emission, now);
}

void Scrambler::Put(const LogRun& run, Moment now, std::vector<uint64_t>* dropped) {
  size_t at = run.from;
  const char* bytes = run.block->bytes.get();
  // The rest of a post of which the client already has the beginning.
  size_t begin = run.first_post == 0 ? 0 : run.block->posts[run.first_post - 1].end;
  bool is_rest = partial_.empty() && run.from > begin;
  for (size_t i = run.first_post; i < run.block->posts.size(); ++i) {
    const LogPost& post = run.block->posts[i];
    if (post.end > run.until) break;
    std::string text = std::exchange(partial_, "");
    text.append(bytes + at, post.end - at);
    at = post.end;
    if (std::exchange(is_rest, false)) {
      log_.AppendText(text, post.emission, now.x_time);
      continue;
    }
    PutPost(std::move(text), post.emission, now, dropped);
  }
  partial_.append(bytes + at, run.until - at);
}

std::optional<LogRun> Scrambler::Take(size_t bytes_max, Moment now) {
  while (!held_.empty() && held_.begin()->first <= now.elapsed) {
    const Held& held = held_.begin()->second;
    log_.AppendText(held.text, held.emission, now.x_time);
    held_.erase(held_.begin());
  }
  std::vector<uint64_t> dropped;
  return feed_.Take(bytes_max, now.x_time, &dropped);
}

}  // namespace braid::emulator
