#include "ingest/x_dialect.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace braid {
namespace {

// What an object is that nothing here knows.
constexpr v1::EventKind kPosts = v1::EVENT_KIND_UNSPECIFIED;
constexpr v1::EventKind kOther = v1::EVENT_KIND_COMPLIANCE;

constexpr int kBackfillMinutesMax = 5;

// Redundant connections inside a partition are promised nowhere on v2 (6): one.
struct V2Row {
  absl::string_view name, path, endpoint_id;
  int partitions;
  int slots;
  ConnectBudget budget;
  v1::EventKind unknown;
};

constexpr ConnectBudget kBudget = {50, absl::Minutes(15)};
constexpr ConnectBudget kSample10Budget = {100, absl::Minutes(15)};
constexpr ConnectBudget kActivityBudget = {450, absl::Minutes(15)};

constexpr absl::string_view kV2Host = "https://api.x.com/2/";
constexpr absl::string_view kFilteredName = "x-v2-filtered";
// The only one without recovery (2.1).
constexpr absl::string_view kSampleName = "x-v2-sample";

// clang-format off
const V2Row kV2Rows[] = {
    // Two connections by an Enterprise contract, else one (2.5).
    {kFilteredName, "tweets/search/stream", "filtered_stream", 0, 2, kBudget, kPosts},
    {kSampleName, "tweets/sample/stream", "sample_stream", 0, 2, kBudget, kPosts},
    {"x-v2-sample10", "tweets/sample10/stream", "sample10_stream", 2, 1, kSample10Budget, kPosts},
    {"x-v2-firehose", "tweets/firehose/stream", "firehose_stream", 20, 1, kBudget, kPosts},
    {"x-v2-firehose-en", "tweets/firehose/stream/lang/en", "firehose_stream_lang_en", 8, 1, kBudget, kPosts},
    {"x-v2-firehose-ja", "tweets/firehose/stream/lang/ja", "firehose_stream_lang_ja", 2, 1, kBudget, kPosts},
    {"x-v2-firehose-ko", "tweets/firehose/stream/lang/ko", "firehose_stream_lang_ko", 2, 1, kBudget, kPosts},
    {"x-v2-firehose-pt", "tweets/firehose/stream/lang/pt", "firehose_stream_lang_pt", 2, 1, kBudget, kPosts},
    {"x-v2-likes-firehose", "likes/firehose/stream", "likes_firehose_stream", 20, 1, kBudget, kOther},
    {"x-v2-likes-sample10", "likes/sample10/stream", "likes_sample10_stream", 2, 1, kBudget, kOther},
    {"x-v2-likes-compliance", "likes/compliance/stream", "likes_compliance_stream", 0, 1, kBudget, kOther},
    {"x-v2-posts-compliance", "tweets/compliance/stream", "tweets_compliance_stream", 4, 1, kBudget, kOther},
    {"x-v2-users-compliance", "users/compliance/stream", "users_compliance_stream", 4, 1, kBudget, kOther},
    {"x-v2-labels", "tweets/label/stream", "tweet_label_stream", 0, 1, kBudget, v1::EVENT_KIND_LABEL},
    {"x-v2-activity", "activity/stream", "", 0, 2, kActivityBudget, v1::EVENT_KIND_ACTIVITY},
};
// clang-format on

struct GnipRow {
  absl::string_view name, type;
  int partitions;
  ConnectBudget budget;
  bool has_recovery;
  v1::EventKind unknown;
};

constexpr ConnectBudget kPowertrackBudget = {60, absl::Minutes(1)};
constexpr ConnectBudget kVolumeBudget = {10, absl::Minutes(1)};
constexpr absl::string_view kPowertrackName = "gnip-powertrack";

const GnipRow kGnipRows[] = {
    {kPowertrackName, "powertrack", 0, kPowertrackBudget, true, kPosts},
    {"gnip-sample10", "sample10", 2, kVolumeBudget, true, kPosts},
    // The number of partitions is stated nowhere; v2 has 20 (1.5).
    {"gnip-firehose", "firehose", 20, kVolumeBudget, true, kPosts},
    {"gnip-mentions", "mentions", 0, kVolumeBudget, true, kPosts},
    {"gnip-compliance", "compliance", 8, kVolumeBudget, true, kOther},
    // Likes have backfill but no replay; partitions as sample10, not stated (1.12).
    {"gnip-sample10-likes", "sample10-likes", 2, kVolumeBudget, false, kOther},
};

Dialect FromV2(const V2Row& row) {
  Dialect dialect{};
  dialect.name = row.name;
  dialect.family = XFamily::kV2;
  dialect.auth = XAuth::kBearer;
  dialect.url = absl::StrCat(kV2Host, row.path);
  dialect.partitions = row.partitions;
  dialect.backfill_minutes_max = kBackfillMinutesMax;
  dialect.has_recovery = row.name != kSampleName;
  dialect.heartbeat = absl::Seconds(20);
  dialect.stall_after = absl::Seconds(25);
  dialect.lateness = absl::Seconds(10);
  dialect.connect_budget = row.budget;
  dialect.slots = row.slots;
  dialect.over_limit = OverLimit::kRefused;
  dialect.endpoint_id = std::string(row.endpoint_id);
  dialect.unknown = row.unknown;
  dialect.has_rules = row.name == kFilteredName;
  return dialect;
}

Dialect FromGnip(const GnipRow& row) {
  Dialect dialect{};
  dialect.name = row.name;
  dialect.family = XFamily::kGnip;
  dialect.auth = XAuth::kBasic;
  dialect.url = absl::StrCat("https://gnip-stream.x.com/stream/", row.type,
                             "/accounts/{account}/publishers/twitter/{label}.json");
  dialect.partitions = row.partitions;
  dialect.backfill_minutes_max = kBackfillMinutesMax;
  dialect.has_recovery = row.has_recovery;
  dialect.has_replay = row.has_recovery;
  dialect.gzip_required = true;
  // 10 s by most pages, 15 s and 30 s by others (1.4): three of the shortest.
  dialect.heartbeat = absl::Seconds(10);
  dialect.stall_after = absl::Seconds(30);
  dialect.lateness = absl::Seconds(10);
  dialect.connect_budget = row.budget;
  dialect.slots = 2;
  dialect.over_limit = OverLimit::kGraceNewest;
  dialect.unknown = row.unknown;
  dialect.has_rules = row.name == kPowertrackName;
  return dialect;
}

// Heartbeat, budget and slots are not stated: those of v2 (2.14).
Dialect Powerstream() {
  Dialect dialect = FromV2({"powerstream", "powerstream", "", 0, 1, kBudget, kPosts});
  dialect.family = XFamily::kPowerstream;
  dialect.has_rules = true;
  return dialect;
}

const std::vector<Dialect>& Table() {
  static const auto& table = *[] {
    auto* rows = new std::vector<Dialect>;
    for (const V2Row& row : kV2Rows) rows->push_back(FromV2(row));
    for (const GnipRow& row : kGnipRows) rows->push_back(FromGnip(row));
    rows->push_back(Powerstream());
    return rows;
  }();
  return table;
}

}  // namespace

const Dialect* FindDialect(absl::string_view name) {
  // The name from before there were others.
  if (name == "x-v2") name = kFilteredName;
  auto row = std::find_if(Table().begin(), Table().end(),
                          [&](const Dialect& dialect) { return dialect.name == name; });
  return row == Table().end() ? nullptr : &*row;
}

std::vector<std::string> DialectNames() {
  std::vector<std::string> names;
  for (const Dialect& dialect : Table()) names.emplace_back(dialect.name);
  return names;
}

absl::string_view BackfillParameter(XFamily family) {
  return family == XFamily::kV2 ? "backfill_minutes" : "backfillMinutes";
}

absl::string_view StartTimeParameter(XFamily family) {
  return family == XFamily::kV2 ? "start_time" : "startTime";
}

absl::string_view EndTimeParameter(XFamily family) {
  return family == XFamily::kV2 ? "end_time" : "endTime";
}

}  // namespace braid
