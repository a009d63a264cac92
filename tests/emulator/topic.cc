#include "tests/emulator/topic.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "proto/snowflake.h"

namespace braid::emulator {
namespace {

// The 1 % sample holds the ids of these milliseconds of every second: measured
// by several studies of the classic sample.
constexpr int kSampleFirstMilli = 657;
constexpr int kSampleLastMilli = 666;

// Different draws of one id must not depend on each other.
enum Salt : uint64_t { kPartitionSalt = 1, kShareSalt = 2, kDatacenterSalt = 3 };

uint64_t Draw(const Event& event, Salt salt) { return SeededRandom(event.id * 8 + salt).Next(); }

bool InSample(const Event& event) {
  int64_t milli = absl::ToUnixMillis(SnowflakeTime(event.id)) % 1000;
  return milli >= kSampleFirstMilli && milli <= kSampleLastMilli;
}

bool InPartition(const Topic& topic, const Event& event) {
  if (topic.partition == 0) return true;
  return Draw(event, kPartitionSalt) % topic.partition_count ==
         static_cast<uint64_t>(topic.partition - 1);
}

bool HasRules(TopicKind kind) {
  return kind == TopicKind::kFiltered || kind == TopicKind::kPowertrack ||
         kind == TopicKind::kReplay;
}

}  // namespace

EventKind EventKindOf(TopicKind kind) {
  switch (kind) {
    case TopicKind::kLikes:
      return EventKind::kLike;
    case TopicKind::kPostCompliance:
    case TopicKind::kCompliance:
      return EventKind::kPostCompliance;
    case TopicKind::kUserCompliance:
      return EventKind::kUserCompliance;
    case TopicKind::kLikeCompliance:
      return EventKind::kLikeCompliance;
    case TopicKind::kLabels:
      return EventKind::kLabel;
    case TopicKind::kActivity:
      return EventKind::kActivity;
    default:
      return EventKind::kPost;
  }
}

bool HasKind(TopicKind topic, EventKind event) {
  if (topic == TopicKind::kCompliance && event == EventKind::kUserCompliance) return true;
  return EventKindOf(topic) == event;
}

const char* DatacenterOf(const Event& event) {
  return Draw(event, kDatacenterSalt) % 2 == 0 ? "atla" : "pdxa";
}

const RuleSet* TopicText::RulesOf(const Topic& topic) const {
  switch (topic.kind) {
    case TopicKind::kFiltered:
      return rules_.filtered;
    case TopicKind::kPowertrack:
      return rules_.powertrack;
    case TopicKind::kReplay:
      return rules_.replay;
    default:
      return nullptr;
  }
}

bool TopicText::IsPlain(const Topic& topic, const Event& event) const {
  return topic.kind == TopicKind::kFiltered && topic.format == EventFormat::kV2 &&
         event.kind == EventKind::kPost && event.object == 0 && event.variant == 0 &&
         rules_.filtered->rules().empty();
}

std::string TopicText::PostText(const Topic& topic, const Event& post, const MatchedRules& rules) {
  switch (topic.format) {
    case EventFormat::kNative:
      return text_->Native(post, rules);
    case EventFormat::kActivityStreams:
      return text_->ActivityStreams(post, rules);
    case EventFormat::kV2:
      break;
  }
  if (!HasRules(topic.kind)) return text_->V2Plain(post);
  return RulesOf(topic)->rules().empty() ? text_->V2Built(post) : text_->V2(post, rules);
}

std::optional<std::string> TopicText::Render(const Topic& topic, const Event& event,
                                             absl::Time now) {
  if (!HasKind(topic.kind, event.kind) || !InPartition(topic, event)) return std::nullopt;
  if (topic.kind == TopicKind::kSample && !InSample(event)) return std::nullopt;
  if (topic.percent < 100 && Draw(event, kShareSalt) % 100 >= uint64_t(topic.percent)) {
    return std::nullopt;
  }
  if (!topic.datacenter.empty() && topic.datacenter != DatacenterOf(event)) return std::nullopt;
  if (event.kind != EventKind::kPost) {
    return topic.format == EventFormat::kV2 ? text_->V2Other(event) + "\r\n"
                                            : text_->NativeOther(event) + "\r\n";
  }
  MatchedRules matched;
  std::vector<Rule> built;
  const RuleSet* rules = RulesOf(topic);
  if (rules != nullptr && rules->rules().empty() && topic.format != EventFormat::kV2) {
    built = text_->BuiltRules(event);
    for (const Rule& rule : built) matched.push_back(&rule);
  }
  if (rules != nullptr && !rules->rules().empty()) {
    matched = rules->Matching(event, now);
    if (matched.empty()) return std::nullopt;
  }
  if (topic.kind == TopicKind::kLanguage && text_->Language(event) != topic.language) {
    return std::nullopt;
  }
  std::string record = PostText(topic, event, matched);
  return topic.is_array ? absl::StrCat("[", record, "]\r\n") : record + "\r\n";
}

std::shared_ptr<const PostLog> TopicBook::Open(const Topic& topic) {
  std::shared_ptr<PostLog>& log = logs_[topic];
  if (log == nullptr) log = std::make_shared<PostLog>();
  return log;
}

void TopicBook::Append(const Event& event, uint64_t emission, absl::Time now) {
  for (auto it = logs_.begin(); it != logs_.end();) {
    if (it->second.use_count() == 1) {
      it = logs_.erase(it);
      continue;
    }
    const Topic& topic = it->first;
    if (text_->IsPlain(topic, event)) {
      it->second->Append(bodies_->Get(event.body), event.id, emission, now);
    } else if (std::optional<std::string> record = text_->Render(topic, event, now)) {
      it->second->AppendText(*record, emission, now);
    }
    ++it;
  }
}

}  // namespace braid::emulator
