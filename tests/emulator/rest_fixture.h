// The JSON endpoints without a network: a history, rules, connections and a
// clock that a test sets, and a request in, an answer out.
//
// Threads: one.

#ifndef BRAID_TESTS_EMULATOR_REST_FIXTURE_H_
#define BRAID_TESTS_EMULATOR_REST_FIXTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "proto/snowflake.h"
#include "simdjson.h"
#include "tests/emulator/connection_book.h"
#include "tests/emulator/http_text.h"
#include "tests/emulator/post_generator.h"
#include "tests/emulator/rest_api.h"

namespace braid::emulator {

class FakeConnections final : public ConnectionList {
 public:
  std::vector<ConnectionRecord> Connections() const override { return book.records(); }
  bool Kill(const std::string& id) override {
    uint32_t number = book.NumberOf(id);
    if (number == 0) return false;
    book.Closed(number, "operator_disconnect", now);
    return true;
  }

  ConnectionBook book;
  absl::Time now;
};

class RestFixture {
 public:
  explicit RestFixture(const RestOptions& options = {}, const RuleLimits& limits = {})
      : rules(limits), powertrack_rules(limits), replay_rules(limits) {
    moment.x_time = absl::FromCivil(absl::CivilMinute(2026, 3, 10, 12, 0), absl::UTCTimeZone());
    state = {&moment, &history, &text, &rules, &powertrack_rules, &replay_rules, &connections};
    api = std::make_unique<RestApi>(options, &state);
    api->AddRoutes(&routes);
  }

  // A post created `age` ago. Call with falling ages.
  uint64_t Post(absl::Duration age) {
    Event event;
    event.id = FirstSnowflakeAt(moment.x_time - age) + ++posts;
    event.micros = absl::ToUnixMicros(moment.x_time - age);
    event.body = static_cast<uint32_t>(posts % bodies.count());
    history.Append(event);
    return event.id;
  }

  void Delete(uint64_t id) {
    for (uint64_t n = history.first(); n < history.end(); ++n) {
      if (history.At(n).id == id) history.MutableAt(n).is_deleted = true;
    }
  }

  void Pass(absl::Duration length) {
    moment.x_time += length;
    moment.elapsed += length;
    connections.now = moment.x_time;
  }

  // "GET /2/tweets?ids=1"; finds no route: status 0.
  HttpAnswer Ask(const std::string& method, const std::string& target,
                 const std::string& body = "") {
    HttpRequest request;
    std::string bytes = absl::StrCat(
        method, " ", target, " HTTP/1.1\r\ncontent-length: ", body.size(), "\r\n\r\n", body);
    if (ParseRequest(bytes, 8 << 20, &request) != ParseState::kDone) return {0};
    RouteTable::Found found = routes.Find(request);
    if (found.route == nullptr) return {0};
    return found.route->handler(
        {request, found.names, found.route->family, "account", "127.0.0.1:1", moment});
  }

  // "" when absent; text without quotes, anything else as JSON.
  static std::string At(const HttpAnswer& answer, const std::string& pointer) {
    simdjson::dom::parser parser;
    simdjson::padded_string padded(answer.body);
    simdjson::dom::element root, found;
    if (parser.parse(padded).get(root) != simdjson::SUCCESS) return "no JSON: " + answer.body;
    if (root.at_pointer(pointer).get(found) != simdjson::SUCCESS) return "";
    std::string_view text;
    if (found.get(text) == simdjson::SUCCESS) return std::string(text);
    return simdjson::minify(found);
  }

  static size_t Count(const HttpAnswer& answer, const std::string& pointer) {
    simdjson::dom::parser parser;
    simdjson::padded_string padded(answer.body);
    simdjson::dom::element root;
    simdjson::dom::array found;
    if (parser.parse(padded).get(root) != simdjson::SUCCESS) return 0;
    return root.at_pointer(pointer).get(found) == simdjson::SUCCESS ? found.size() : 0;
  }

  Moment moment;
  BodyPool bodies{GeneratorOptions(), 50};
  EventText text{&bodies};
  EventHistory history{100000};
  RuleSet rules, powertrack_rules, replay_rules;
  FakeConnections connections;
  XState state;
  std::unique_ptr<RestApi> api;
  RouteTable routes;
  uint64_t posts = 0;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_REST_FIXTURE_H_
