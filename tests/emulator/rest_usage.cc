#include "tests/emulator/rest_usage.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "tests/emulator/rest_problem.h"
#include "tests/emulator/v2_parameters.h"

namespace braid::emulator {
namespace {

// The emulator is one app of one project, whose month begins on the first.
constexpr char kAppId[] = "1";
constexpr char kProjectId[] = "1";
constexpr int kCapResetDay = 1;
// X shows a week when `days` is absent.
constexpr int kDaysDefault = 7;
constexpr int kDaysMax = 90;

absl::Time MonthStart(absl::Time time, int months_later = 0) {
  absl::CivilMonth month = absl::ToCivilMonth(time, absl::UTCTimeZone()) + months_later;
  return absl::FromCivil(month, absl::UTCTimeZone());
}

std::string MinuteText(absl::Time time) {
  return absl::FormatTime("%Y%m%d%H%M", time, absl::UTCTimeZone());
}

// One month as Gnip's lists have it.
struct Month {
  absl::Time start;
  uint64_t activities = 0;
  uint64_t searches_30day = 0;
  uint64_t searches_full = 0;
};

std::string MonthText(const Month& month) {
  return JsonObject({TextMember("timePeriod", MinuteText(month.start)),
                     RawMember("activities", absl::StrCat(month.activities)),
                     RawMember("searchRequests30Day", absl::StrCat(month.searches_30day)),
                     RawMember("searchRequestsFullArchive", absl::StrCat(month.searches_full)),
                     RawMember("historicalPowertrackDays", "0"),
                     RawMember("historicalPowertrackJobs", "0")});
}

std::vector<Month> Months(const UsageLedger& ledger, absl::Time from, absl::Time until) {
  std::vector<Month> months;
  for (absl::Time start = from; start < until; start = MonthStart(start, 1)) {
    Month month{start};
    absl::Time end = MonthStart(start, 1);
    for (auto [day, count] : ledger.Days()) {
      if (day >= start && day < end) month.activities += count;
    }
    for (const auto& [day, requests] : ledger.requests()) {
      if (day < start || day >= end) continue;
      month.searches_30day += requests.recent;
      month.searches_full += requests.full_archive;
    }
    months.push_back(month);
  }
  return months;
}

// The running month, extended by its pace so far.
Month Projected(Month month, absl::Time now) {
  double length = absl::FDivDuration(MonthStart(month.start, 1) - month.start, absl::Hours(1));
  double passed = std::max(1.0, absl::FDivDuration(now - month.start, absl::Hours(1)));
  auto grow = [=](uint64_t* count) {
    *count = static_cast<uint64_t>(static_cast<double>(*count) * length / passed);
  };
  grow(&month.activities);
  grow(&month.searches_30day);
  grow(&month.searches_full);
  return month;
}

bool ReadMinute(const std::string& text, absl::Time* time) {
  std::string error;
  return absl::ParseTime("%E4Y%m%d%H%M", text, absl::UTCTimeZone(), time, &error);
}

}  // namespace

HttpAnswer V2Usage(const RouteRequest& request, const UsageLedger& ledger, uint64_t project_cap) {
  V2Parameters parameters(request.http, {"days", "usage.fields"});
  int days = parameters.Number("days", 1, kDaysMax, kDaysDefault);
  std::vector<std::string> fields = parameters.List("usage.fields");
  if (parameters.mistake()) return *parameters.mistake();
  absl::Time now = request.now.x_time;
  absl::Time since = UtcMidnight(now) - (days - 1) * absl::Hours(24);
  std::vector<std::string> usage;
  uint64_t month = 0;
  for (auto [day, count] : ledger.Days()) {
    if (day >= MonthStart(now)) month += count;
    if (day < since) continue;
    usage.push_back(
        JsonObject({TextMember("date", IsoMillis(day)), TextMember("usage", absl::StrCat(count))}));
  }
  auto asked = [&fields](const char* name) {
    return std::find(fields.begin(), fields.end(), name) != fields.end();
  };
  std::string app =
      JsonObject({TextMember("client_app_id", kAppId), RawMember("usage", JsonList(usage)),
                  RawMember("usage_result_count", absl::StrCat(usage.size()))});
  std::string project =
      JsonObject({TextMember("project_id", kProjectId), RawMember("usage", JsonList(usage))});
  std::string data = JsonObject(
      {RawMember("cap_reset_day", absl::StrCat(kCapResetDay)),
       asked("daily_client_app_usage") ? RawMember("daily_client_app_usage", JsonList({app})) : "",
       asked("daily_project_usage") ? RawMember("daily_project_usage", project) : "",
       TextMember("project_cap", absl::StrCat(project_cap)), TextMember("project_id", kProjectId),
       TextMember("project_usage", absl::StrCat(month))});
  return {200, JsonObject({RawMember("data", data)})};
}

HttpAnswer GnipUsage(const RouteRequest& request, const UsageLedger& ledger) {
  absl::Time now = request.now.x_time;
  std::string bucket = request.http.Query("bucket");
  if (!bucket.empty() && bucket != "month") {
    return GnipRefusal(400, "Invalid value for query parameter 'bucket'. Expected: month", now);
  }
  absl::Time from = MonthStart(now, -2);
  absl::Time until = MonthStart(now, 1);
  for (auto [name, time] : {std::pair("fromDate", &from), std::pair("toDate", &until)}) {
    std::string text = request.http.Query(name);
    if (text.empty() || ReadMinute(text, time)) continue;
    return GnipRefusal(400,
                       absl::StrCat("Invalid date format for query parameter '", name,
                                    "'. Expected format is 'yyyyMMddHHmm'."),
                       now);
  }
  from = MonthStart(from);
  if (until <= from || until > MonthStart(from, 3)) {
    return GnipRefusal(400, "The requested interval must be at most three months.", now);
  }
  std::vector<Month> months = Months(ledger, from, until);
  std::vector<std::string> used;
  for (const Month& month : months) used.push_back(MonthText(month));
  std::vector<std::string> common = {
      RawMember("used", JsonList(used)),
      RawMember("projected", MonthText(Projected(months.back(), now)))};
  std::string product = JsonObject({TextMember("type", "PowerTrack"), common[0], common[1]});
  std::string publisher = JsonObject({TextMember("type", "twitter"), common[0], common[1],
                                      RawMember("products", JsonList({product}))});
  std::string account = JsonObject({TextMember("name", request.names.at("account"))});
  return {200,
          JsonObject({RawMember("account", account), RawMember("publishers", JsonList({publisher})),
                      TextMember("bucket", "month"), TextMember("fromDate", MinuteText(from)),
                      TextMember("toDate", MinuteText(until))})};
}

}  // namespace braid::emulator
