#include "tests/emulator/endpoint.h"

namespace braid::emulator {
namespace {

const absl::Duration kQuarter = absl::Minutes(15);
const absl::Duration kMinute = absl::Minutes(1);

Endpoint V2(const char* name, const char* path, TopicKind kind, int partition_count,
            int percent = 100, const char* language = "") {
  int connect_limit = kind == TopicKind::kActivity                   ? 450
                      : name == absl::string_view("sample10_stream") ? 100
                                                                     : 50;
  return {name,          path,     Family::kV2, kind, percent, language, partition_count,
          connect_limit, kQuarter, true,        false};
}

Endpoint Gnip(const char* name, const char* path, TopicKind kind, int partition_count,
              int percent = 100) {
  int connect_limit = kind == TopicKind::kPowertrack ? 60 : 10;
  bool has_recovery = kind != TopicKind::kLikes;
  return {name,          path,    Family::kGnip, kind, percent, "", partition_count,
          connect_limit, kMinute, has_recovery,  false};
}

Endpoint Replay(const char* name, const char* path, TopicKind kind, int percent = 100) {
  return {name, path, Family::kGnip, kind, percent, "", 0, 5, absl::Minutes(5), false, true};
}

std::vector<Endpoint> MakeAll() {
  std::vector<Endpoint> all = {
      V2("filtered_stream", "/2/tweets/search/stream", TopicKind::kFiltered, 0),
      V2("sample_stream", "/2/tweets/sample/stream", TopicKind::kSample, 0),
      V2("sample10_stream", "/2/tweets/sample10/stream", TopicKind::kShare, 2, 10),
      V2("firehose_stream", "/2/tweets/firehose/stream", TopicKind::kShare, 20),
      V2("firehose_stream_lang_en", "/2/tweets/firehose/stream/lang/en", TopicKind::kLanguage, 8,
         100, "en"),
      V2("firehose_stream_lang_ja", "/2/tweets/firehose/stream/lang/ja", TopicKind::kLanguage, 2,
         100, "ja"),
      V2("firehose_stream_lang_ko", "/2/tweets/firehose/stream/lang/ko", TopicKind::kLanguage, 2,
         100, "ko"),
      V2("firehose_stream_lang_pt", "/2/tweets/firehose/stream/lang/pt", TopicKind::kLanguage, 2,
         100, "pt"),
      V2("likes_firehose_stream", "/2/likes/firehose/stream", TopicKind::kLikes, 20),
      V2("likes_sample10_stream", "/2/likes/sample10/stream", TopicKind::kLikes, 2, 10),
      V2("likes_compliance_stream", "/2/likes/compliance/stream", TopicKind::kLikeCompliance, 0),
      V2("tweets_compliance_stream", "/2/tweets/compliance/stream", TopicKind::kPostCompliance, 4),
      V2("users_compliance_stream", "/2/users/compliance/stream", TopicKind::kUserCompliance, 4),
      V2("tweet_label_stream", "/2/tweets/label/stream", TopicKind::kLabels, 0),
      V2("activity_stream", "/2/activity/stream", TopicKind::kActivity, 0),
      {"powerstream", "/2/powerstream", Family::kPowerstream, TopicKind::kPowertrack, 100, "", 0,
       50, kQuarter, true, false},
      Gnip("powertrack", "/stream/powertrack/accounts/{account}/publishers/twitter/{label}.json",
           TopicKind::kPowertrack, 0),
      Gnip("sample10", "/stream/sample10/accounts/{account}/publishers/twitter/{label}.json",
           TopicKind::kShare, 2, 10),
      Gnip("sample10-likes",
           "/stream/sample10-likes/accounts/{account}/publishers/twitter/{label}.json",
           TopicKind::kLikes, 2, 10),
      Gnip("firehose", "/stream/firehose/accounts/{account}/publishers/twitter/{label}.json",
           TopicKind::kShare, 20),
      // Posts that mention somebody: a share that is no sample.
      Gnip("mentions", "/stream/mentions/accounts/{account}/publishers/twitter/{label}.json",
           TopicKind::kShare, 0, 30),
      Gnip("compliance", "/stream/compliance/accounts/{account}/publishers/twitter/{label}.json",
           TopicKind::kCompliance, 8),
      Replay("replay-powertrack",
             "/replay/powertrack/accounts/{account}/publishers/twitter/{label}.json",
             TopicKind::kReplay),
      Replay("replay-sample10",
             "/replay/sample10/accounts/{account}/publishers/twitter/{label}.json",
             TopicKind::kShare, 10),
      Replay("replay-firehose",
             "/replay/firehose/accounts/{account}/publishers/twitter/{label}.json",
             TopicKind::kShare),
      Replay("replay-mentions",
             "/replay/mentions/accounts/{account}/publishers/twitter/{label}.json",
             TopicKind::kShare, 30),
      Replay("replay-compliance",
             "/replay/compliance/accounts/{account}/publishers/twitter/{label}.json",
             TopicKind::kCompliance),
  };
  // The 1 % sample is the one stream of v2 without recovery.
  for (Endpoint& endpoint : all) {
    if (endpoint.kind == TopicKind::kSample) endpoint.has_recovery = false;
  }
  return all;
}

}  // namespace

const std::vector<Endpoint>& AllEndpoints() {
  static const std::vector<Endpoint>& all = *new std::vector<Endpoint>(MakeAll());
  return all;
}

std::optional<EndpointMatch> FindEndpoint(absl::string_view path) {
  for (const Endpoint& endpoint : AllEndpoints()) {
    if (auto names = MatchPath(endpoint.pattern, path)) {
      return EndpointMatch{&endpoint, *std::move(names)};
    }
  }
  return std::nullopt;
}

}  // namespace braid::emulator
