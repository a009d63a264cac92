// X's wire and a session's end in a test's hands, for one fetch.
//
// Threads: the test's.

#ifndef BRAID_TESTS_RECOVERY_FAKE_WIRE_H_
#define BRAID_TESTS_RECOVERY_FAKE_WIRE_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/http_client.h"
#include "gtest/gtest.h"
#include "ingest/record_sink.h"
#include "proto/frame_codec.h"
#include "tests/sim/sim_loop.h"

namespace braid {

struct FakeWire final : HttpClient {
  RequestId Open(HttpRequest asked, std::shared_ptr<HttpHandler> answer) override {
    requests.push_back(std::move(asked));
    wire = std::move(answer);
    return requests.size();
  }
  void Close(RequestId) override { ++closes; }

  // A whole answer to what was asked last.
  void Answer(SimLoop& loop, int status, const std::string& body,
              std::map<std::string, std::string> headers = {}) {
    ASSERT_NE(wire, nullptr) << "nothing is asked";
    std::shared_ptr<HttpHandler> handler = std::move(wire);
    // As the simulated wall clock has it.
    headers.emplace("date", "Mon, 01 Jan 2024 00:00:00 GMT");
    handler->OnHead({status, std::move(headers)}, loop.Now());
    handler->OnBytes(body, loop.Now());
    handler->OnDone({HttpEnd::Kind::kClean, ""}, loop.Now());
    loop.RunFor(absl::ZeroDuration());
  }

  std::vector<HttpRequest> requests;
  // Of the last; null: it is answered.
  std::shared_ptr<HttpHandler> wire;
  int closes = 0;
};

struct KeptRecords final : RecordSink {
  void Append(v1::SessionRecord record) override { records.push_back(std::move(record)); }

  // Of the posts in frames, in order; anything else fails the test.
  std::vector<uint64_t> PostIds() const {
    std::vector<uint64_t> ids;
    for (const v1::SessionRecord& record : records) {
      EXPECT_TRUE(record.has_frame());
      EXPECT_TRUE(ValidateFrame(record.frame()).ok());
      EXPECT_EQ(record.frame().origin(), v1::EVENT_ORIGIN_RECOVERY);
      ids.insert(ids.end(), record.frame().post_ids().begin(), record.frame().post_ids().end());
    }
    return ids;
  }

  std::vector<v1::SessionRecord> records;
};

}  // namespace braid

#endif  // BRAID_TESTS_RECOVERY_FAKE_WIRE_H_
