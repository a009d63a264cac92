#include "tests/emulator/control_api.h"

#include <sys/resource.h>

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/emulator/bad_input.h"
#include "tests/emulator/setting_table.h"
#include "tests/emulator/x_answers.h"

namespace braid::emulator {

const char kControlHelp[] =
    "Control endpoint (any method; answers JSON; 404 with \"matched\":0 if no connection "
    "matched):\n"
    "  /connections                     the open connections\n"
    "  /stats                           posts created and sent, backlog, CPU\n"
    "  /close?how=message|zero|truncated|reset|full-buffer|full-buffer-silent\n"
    "        message: [&type=OperationalDisconnect], or ForceDisconnect, Maintenance, "
    "SlowReader...\n"
    "  /black-hole?seconds=T            sends nothing for T, then what the buffer kept\n"
    "  /drop?fraction=F                 leaves out this share of posts; 0 ends it\n"
    "  /drop?count=N                    leaves out the next N posts\n"
    "  /delay?seconds=D                 every post comes D later; 0 ends it\n"
    "  /send  (body: the raw bytes)     or /send?kind=KIND[&bytes=N][&depth=N], KIND one of\n"
    "        garbage nul bad-utf8 numeric-id empty-id huge-id deep-json endless-line gzip-bomb\n"
    "        system-message unknown-type error-with-data compliance native activity empty-lines\n"
    "        glued-keep-alive\n"
    "        edit-chain, long-post (&bytes=N)\n"
    "  /framing?chunk_bytes=N&segment_bytes=N&bytes_per_second=R&glued_keep_alives=F\n"
    "  /scramble?reorder=S&late=F&late_by=S&lost_tag=TAG&duplicates=F&variants=F&numeric_ids=F\n"
    "        what is not named ends\n"
    "  these take: connection=NUMBER, index=I (i-th oldest, from 0), tag=PART of the name\n"
    "  (?connection=NAME of its URL, else its User-Agent), address=PART, endpoint=NAME\n"
    "  (filtered_stream, powertrack, ...), partition=N; none: all\n"
    "  /refuse?how=HOW&seconds=T         new streams; HOW: reset, black-hole, 401, 403, 429,\n"
    "        429-rate, 429-usage, 503, ... (a wrong one lists all); also tag=, endpoint=\n"
    "  /set?NAME=VALUE[&NAME=VALUE...]   a setting; a wrong name lists all\n"
    "  /rate?posts=N                    posts a second from now on; 0 stops creating\n"
    "  /rate?burst=RATE:SECONDS:EVERY   (burst=off ends it)\n";

namespace {

HttpAnswer Bad(const std::string& message) {
  return {400, absl::StrCat("{\"error\":", JsonText(message), "}")};
}

// False when the parameter is there and no number; absent leaves `value`.
bool ReadNumber(const HttpRequest& request, const std::string& name, double* value) {
  std::string text = request.Query(name);
  return text.empty() || absl::SimpleAtod(text, value);
}

bool Matches(const HttpRequest& request, const ClientStream& stream, size_t index) {
  const StreamIdentity& identity = stream.identity();
  std::string number = request.Query("connection");
  std::string wanted_index = request.Query("index");
  if (!number.empty() && number != "all" && number != absl::StrCat(identity.number)) return false;
  if (!wanted_index.empty() && wanted_index != absl::StrCat(index)) return false;
  std::string endpoint = request.Query("endpoint");
  std::string partition = request.Query("partition");
  if (!endpoint.empty() && endpoint != identity.endpoint) return false;
  if (!partition.empty() && partition != absl::StrCat(identity.partition)) return false;
  return absl::StrContains(identity.tag, request.Query("tag")) &&
         absl::StrContains(identity.address, request.Query("address"));
}

std::string Describe(ClientStream& stream) {
  const StreamIdentity& identity = stream.identity();
  return absl::StrCat(
      "{\"connection\":", identity.number, ",\"tag\":", JsonText(identity.tag),
      ",\"address\":", JsonText(identity.address), ",\"endpoint\":", JsonText(identity.endpoint),
      ",\"partition\":", identity.partition, ",\"gzip\":", identity.gzip ? "true" : "false",
      ",\"sent_posts\":", stream.sent_posts(), ",\"sent_bytes\":", stream.sent_bytes(),
      ",\"dropped_posts\":", stream.dropped_posts(), ",\"backlog_bytes\":", stream.backlog_bytes(),
      ",\"black_hole\":", stream.is_black_hole() ? "true" : "false",
      ",\"delay_seconds\":", absl::ToDoubleSeconds(stream.feed().delay()),
      ",\"drop_fraction\":", stream.feed().drop_fraction(), "}");
}

std::string DescribeAll(const std::vector<ClientStream*>& streams) {
  return absl::StrJoin(streams, ",", [](std::string* out, ClientStream* stream) {
    absl::StrAppend(out, Describe(*stream));
  });
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return absl::ToDoubleSeconds(absl::DurationFromTimeval(usage.ru_utime) +
                               absl::DurationFromTimeval(usage.ru_stime));
}

}  // namespace

bool ParseBurst(const std::string& text, std::optional<Burst>* burst) {
  std::vector<std::string> parts = absl::StrSplit(text, ':');
  double rate = 0, length = 0, every = 0;
  if (parts.size() != 3 || !absl::SimpleAtod(parts[0], &rate) ||
      !absl::SimpleAtod(parts[1], &length) || !absl::SimpleAtod(parts[2], &every)) {
    return false;
  }
  if (rate < 0 || length <= 0 || every < length) return false;
  *burst = Burst{rate, absl::Seconds(length), absl::Seconds(every)};
  return true;
}

HttpAnswer ControlApi::Handle(const HttpRequest& request) {
  using Route = HttpAnswer (ControlApi::*)(const HttpRequest&);
  static const std::map<std::string, Route> kRoutes = {
      {"/close", &ControlApi::Close},        {"/black-hole", &ControlApi::BlackHole},
      {"/drop", &ControlApi::Drop},          {"/delay", &ControlApi::Delay},
      {"/refuse", &ControlApi::Refuse},      {"/send", &ControlApi::Send},
      {"/rate", &ControlApi::Rate},          {"/set", &ControlApi::Set},
      {"/framing", &ControlApi::SetFraming}, {"/scramble", &ControlApi::Scramble},
  };
  if (request.path == "/connections") return List();
  if (request.path == "/stats") return Stats();
  auto route = kRoutes.find(request.path);
  if (route == kRoutes.end()) {
    return {404,
            absl::StrCat("{\"error\":\"unknown path\",\"help\":", JsonText(kControlHelp), "}")};
  }
  return (this->*route->second)(request);
}

HttpAnswer ControlApi::ForMatching(const HttpRequest& request,
                                   const std::function<void(ClientStream*)>& action) {
  std::vector<ClientStream*> matched;
  size_t index = 0;
  for (ClientStream* stream : server_->Streams()) {
    if (Matches(request, *stream, index++)) matched.push_back(stream);
  }
  for (ClientStream* stream : matched) action(stream);
  return {matched.empty() ? 404 : 200,
          absl::StrCat("{\"matched\":", matched.size(), ",\"connections\":[", DescribeAll(matched),
                       "]}")};
}

HttpAnswer ControlApi::List() const {
  return {200, absl::StrCat("{\"connections\":[", DescribeAll(server_->Streams()), "]}")};
}

HttpAnswer ControlApi::Stats() const {
  std::vector<ClientStream*> streams = server_->Streams();
  uint64_t sent = server_->past_sent_posts();
  for (ClientStream* stream : streams) sent += stream->sent_posts();
  return {200, absl::StrCat("{\"seconds\":", absl::ToDoubleSeconds(now_->elapsed),
                            ",\"created\":", history_->end(), ",\"sent\":", sent,
                            ",\"rate\":", schedule_->RateAt(now_->elapsed),
                            ",\"owed\":", static_cast<uint64_t>(schedule_->owed()),
                            ",\"accepted\":", server_->accepted_count(), ",\"begun\":",
                            server_->begun_count(), ",\"refused\":",
                            server_->refused_count(), ",\"cpu_seconds\":", CpuSeconds(),
                            ",\"connections\":[", DescribeAll(streams), "]}")};
}

HttpAnswer ControlApi::Close(const HttpRequest& request) {
  std::string how = request.Query("how");
  std::string type = request.Query("type");
  if (type.empty()) type = "OperationalDisconnect";
  const std::map<std::string, std::function<void(ClientStream*)>> kWays = {
      {"message", [&](ClientStream* stream) { stream->EndWithMessage(type, *now_); }},
      {"zero", [&](ClientStream* stream) { stream->EndWithZeroChunk(*now_); }},
      {"truncated", [&](ClientStream* stream) { stream->EndWithTruncatedChunk(*now_); }},
      {"reset", [&](ClientStream* stream) { stream->EndWithReset(*now_); }},
      {"full-buffer", [&](ClientStream* stream) { stream->EndForFullBuffer(true, *now_); }},
      {"full-buffer-silent", [&](ClientStream* stream) { stream->EndForFullBuffer(false, *now_); }},
  };
  auto way = kWays.find(how);
  if (way == kWays.end()) {
    return Bad("how must be message, zero, truncated, reset, full-buffer, full-buffer-silent");
  }
  return ForMatching(request, way->second);
}

HttpAnswer ControlApi::BlackHole(const HttpRequest& request) {
  double seconds = 0;
  if (!ReadNumber(request, "seconds", &seconds) || seconds <= 0) return Bad("seconds must be > 0");
  return ForMatching(
      request, [&](ClientStream* stream) { stream->BlackHole(absl::Seconds(seconds), *now_); });
}

HttpAnswer ControlApi::Drop(const HttpRequest& request) {
  double fraction = 0, count = 0;
  if (!ReadNumber(request, "fraction", &fraction) || fraction < 0 || fraction > 1) {
    return Bad("fraction must be from 0 to 1");
  }
  if (!ReadNumber(request, "count", &count) || count < 0) return Bad("count must be >= 0");
  return ForMatching(request, [&](ClientStream* stream) {
    stream->feed().SetDropFraction(fraction);
    stream->feed().DropNext(static_cast<uint64_t>(count));
  });
}

HttpAnswer ControlApi::Delay(const HttpRequest& request) {
  double seconds = 0;
  if (!ReadNumber(request, "seconds", &seconds) || seconds < 0) return Bad("seconds must be >= 0");
  return ForMatching(
      request, [&](ClientStream* stream) { stream->feed().SetDelay(absl::Seconds(seconds)); });
}

HttpAnswer ControlApi::Refuse(const HttpRequest& request) {
  std::string how = request.Query("how");
  bool is_known = how == kRefuseByReset || how == kRefuseByBlackHole ||
                  RefusalAnswer(Family::kV2, how, now_->x_time).has_value();
  double seconds = -1;
  if (!is_known) {
    return Bad(
        absl::StrCat("how must be reset, black-hole, ", absl::StrJoin(RefusalNames(), ", ")));
  }
  if (!ReadNumber(request, "seconds", &seconds) || seconds < 0) return Bad("seconds must be >= 0");
  desk_->Refuse({how, now_->elapsed + absl::Seconds(seconds), request.Query("tag"),
                 request.Query("endpoint")});
  return {200, "{\"refusing\":true}"};
}

HttpAnswer ControlApi::Send(const HttpRequest& request) {
  std::string kind = request.Query("kind");
  double bytes = 1 << 30, depth = 10000;  // the sizes the tests of bad input name
  if (!ReadNumber(request, "bytes", &bytes) || !ReadNumber(request, "depth", &depth)) {
    return Bad("bytes and depth must be numbers");
  }
  if (kind == "endless-line" || kind == "gzip-bomb") {
    return ForMatching(request, [&](ClientStream* stream) {
      stream->SendLongLine(kind == "gzip-bomb" ? '0' : 'x', static_cast<uint64_t>(bytes));
    });
  }
  std::string raw = request.body;
  if (!kind.empty() && !MakeBadInput(kind, {static_cast<size_t>(depth), static_cast<size_t>(bytes)},
                                     now_->x_time, &raw)) {
    return Bad("unknown kind; see --help");
  }
  if (raw.empty()) return Bad("an empty body and no kind");
  return ForMatching(request, [&](ClientStream* stream) { stream->SendRaw(raw); });
}

HttpAnswer ControlApi::Set(const HttpRequest& request) {
  for (const auto& [name, value] : request.query) {
    absl::Status status = ApplySetting(name, value, {settings_, &maker_->mix()});
    if (!status.ok()) return Bad(std::string(status.message()));
  }
  return {200, "{\"set\":true}"};
}

HttpAnswer ControlApi::SetFraming(const HttpRequest& request) {
  // The same names and limits as the settings of all connections.
  XSettings changed = *settings_;
  changed.stream.framing = Framing();
  for (const char* name :
       {"chunk_bytes", "segment_bytes", "bytes_per_second", "glued_keep_alives"}) {
    if (request.query.count(name) == 0) continue;
    absl::Status status = ApplySetting(name, request.Query(name), {&changed, nullptr});
    if (!status.ok()) return Bad(std::string(status.message()));
  }
  return ForMatching(request, [&](ClientStream* stream) {
    changed.stream.framing.gzip_flushes = stream->framing().gzip_flushes;
    stream->SetFraming(changed.stream.framing);
  });
}

HttpAnswer ControlApi::Scramble(const HttpRequest& request) {
  ScramblerFaults faults;
  double reorder = 0, late_by = absl::ToDoubleSeconds(faults.late_by);
  bool is_read = ReadNumber(request, "reorder", &reorder) &&
                 ReadNumber(request, "late", &faults.late) &&
                 ReadNumber(request, "late_by", &late_by) &&
                 ReadNumber(request, "duplicates", &faults.duplicates) &&
                 ReadNumber(request, "variants", &faults.variants) &&
                 ReadNumber(request, "numeric_ids", &faults.numeric_ids);
  if (!is_read || reorder < 0 || late_by < 0) return Bad("want numbers; see --help");
  faults.reorder = absl::Seconds(reorder);
  faults.late_by = absl::Seconds(late_by);
  faults.lost_tag = request.Query("lost_tag");
  return ForMatching(request, [&](ClientStream* stream) { stream->feed().SetFaults(faults); });
}

HttpAnswer ControlApi::Rate(const HttpRequest& request) {
  std::string burst_text = request.Query("burst");
  std::optional<Burst> burst;
  double rate = -1;
  if (!ReadNumber(request, "posts", &rate)) return Bad("posts must be a number");
  if (!burst_text.empty() && burst_text != "off" && !ParseBurst(burst_text, &burst)) {
    return Bad("burst must be RATE:SECONDS:EVERY or off");
  }
  if (rate < 0 && burst_text.empty()) return Bad("want posts=N or burst=...");
  if (rate >= 0) schedule_->SetRate(rate, now_->elapsed);
  if (!burst_text.empty()) schedule_->SetBurst(burst, now_->elapsed);
  return {200, absl::StrCat("{\"rate\":", schedule_->RateAt(now_->elapsed), "}")};
}

}  // namespace braid::emulator
