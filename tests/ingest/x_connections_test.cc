#include "ingest/x_connections.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

RequestOptions Options(absl::string_view dialect = "x-v2-filtered") {
  RequestOptions options;
  options.dialect = FindDialect(dialect);
  options.connection = "fra-a";
  options.version = "0.1";
  return options;
}

TEST(XConnectionsTest, ListAsksForTheActiveOnesOfTheStreamsEndpoint) {
  auto request = BuildListConnections(Options(), "secret", "");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->method, "GET");
  EXPECT_EQ(request->url,
            "https://api.x.com/2/connections?status=active&endpoints=filtered_stream"
            "&max_results=100&connection.fields=id,endpoint_name,connected_at,client_ip,"
            "disconnected_at,disconnect_reason");
  EXPECT_EQ(request->headers[0].second, "Bearer secret");
  auto next = BuildListConnections(Options(), "secret", "abc-1");
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->url, request->url + "&pagination_token=abc-1");
}

TEST(XConnectionsTest, ConfiguredHostServesTheListToo) {
  RequestOptions options = Options();
  options.url = "http://127.0.0.1:8080/2/tweets/search/stream?x=1";
  auto request = BuildListConnections(options, "t", "");
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->url.substr(0, request->url.find('?')), "http://127.0.0.1:8080/2/connections");
}

TEST(XConnectionsTest, DialectWithoutTheApiIsRefused) {
  RequestOptions options = Options("gnip-powertrack");
  options.account = options.label = "a";
  EXPECT_FALSE(HasConnectionsApi(options));
  EXPECT_TRUE(absl::IsFailedPrecondition(BuildListConnections(options, "u:p", "").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(BuildKillConnections(options, "u:p", {"a"}).status()));
}

TEST(XConnectionsTest, PageTokenThatIsNoneIsRefused) {
  EXPECT_FALSE(BuildListConnections(Options(), "t", "a&status=all").ok());
}

TEST(XConnectionsTest, KillNamesIdsAndNeverAll) {
  auto request = BuildKillConnections(Options(), "secret", {"a-1", "b-2"});
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->method, "DELETE");
  EXPECT_EQ(request->url, "https://api.x.com/2/connections");
  EXPECT_EQ(request->body, R"({"uuids":["a-1","b-2"]})");
}

TEST(XConnectionsTest, PageHoldsEveryField) {
  auto page = ParseConnectionPage(R"({"data":[
      {"id":"a-1","endpoint_name":"filtered_stream","connected_at":"2026-11-20T10:00:00.250Z",
       "client_ip":"192.0.2.1"},
      {"connected_at":"2026-11-20T09:00:00Z","id":"b-2","endpoint_name":"sample_stream",
       "disconnected_at":"2026-11-20T09:30:00Z","disconnect_reason":"operator_disconnect","new":1}],
      "meta":{"result_count":2,"next_token":"n-1"}})");
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->connections.size(), 2u);
  const XConnection& first = page->connections[0];
  EXPECT_EQ(first.id, "a-1");
  EXPECT_EQ(first.endpoint_name, "filtered_stream");
  EXPECT_EQ(first.client_ip, "192.0.2.1");
  EXPECT_EQ(first.connected_at, absl::FromUnixMillis(1795168800250));
  EXPECT_TRUE(first.is_active());
  const XConnection& second = page->connections[1];
  EXPECT_FALSE(second.is_active());
  EXPECT_EQ(second.disconnect_reason, "operator_disconnect");
  EXPECT_EQ(page->next_token, "n-1");
  EXPECT_EQ(page->unreadable, 0u);
}

TEST(XConnectionsTest, EntriesWithoutIdOrTimeAreCounted) {
  auto page = ParseConnectionPage(R"({"data":[
      {"endpoint_name":"filtered_stream","connected_at":"2026-11-20T10:00:00Z"},
      {"id":"a\"],","connected_at":"2026-11-20T10:00:00Z"},
      {"id":"a","connected_at":"yesterday"},
      {"id":"a","connected_at":"infinite-future"}, 7]})");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_TRUE(page->connections.empty());
  EXPECT_EQ(page->unreadable, 5u);
}

TEST(XConnectionsTest, NothingListedIsAnEmptyPageOnlyWhenXSaysSo) {
  auto page = ParseConnectionPage(R"({"meta":{"result_count":0}})");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_TRUE(page->connections.empty());
  for (const char* body : {"", "[]", "{}", "7", R"({"data":7})", R"({"errors":[]})", "{\"data\":["}) {
    EXPECT_FALSE(ParseConnectionPage(body).ok()) << body;
  }
}

TEST(XConnectionsTest, KillsSayOfEachWhetherItSucceeded) {
  auto kills = ParseKills(R"({"data":{"successful_kills":1,"failed_kills":1,"results":[
      {"uuid":"a","success":true},{"uuid":"b","success":false,"error_message":"not found"}]}})");
  ASSERT_TRUE(kills.ok()) << kills.status();
  ASSERT_EQ(kills->size(), 2u);
  EXPECT_TRUE((*kills)[0].success);
  EXPECT_FALSE((*kills)[1].success);
  EXPECT_EQ((*kills)[1].error, "not found");
  EXPECT_FALSE(ParseKills("{}").ok());
}

}  // namespace
}  // namespace braid
