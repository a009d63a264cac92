// One past range asked of X as a stream, with the parts a live connection has:
// what comes goes to the sink as frames of origin RECOVERY, how it ended into the
// evidence. It writes no cover and no loss: what a lost line means is the
// worker's to say, and only of this range.
//
// Threads: the loop.
// Ownership: loop, client and sink outlive it; it owns its exchange.
// Bounds: StreamReader's in_flight_bytes_max, one open frame; outside_max posts
// that are newer than what was asked for: X does not know the parameters then.

#ifndef BRAID_RECOVERY_PAST_FETCH_H_
#define BRAID_RECOVERY_PAST_FETCH_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/http_client.h"
#include "base/loop.h"
#include "base/owner.h"
#include "ingest/framer.h"
#include "ingest/message_feed.h"
#include "ingest/stream_reader.h"
#include "ingest/x_clock.h"
#include "recovery/fetch.h"
#include "recovery/fetched_events.h"
#include "recovery/past_request.h"

namespace braid {

class PastFetch final : public Fetch, private StreamConsumer, private MessageSink {
 public:
  struct Options {
    PastRequest past;
    std::vector<uint64_t> witnesses;
    // As a live connection's: X sends heartbeats in empty spans.
    absl::Duration stall_after = absl::Seconds(25);
    // What came is in a frame so soon: nobody waits for it, and larger frames cost
    // less.
    absl::Duration frame_age_max = absl::Milliseconds(200);
    // How often silence is looked for.
    absl::Duration watch_interval = absl::Milliseconds(200);
    size_t message_bytes_max = 2048;
    uint64_t outside_max = 1000;
    // Distinct posts that are counted by the minute, 16 bytes each; beyond it, or
    // with 0, none are.
    size_t counted_max = 0;
    StreamReader::Options reader;
    Framer::Options framer;
  };
  PastFetch(Loop& loop, HttpClient& http, RecordSink& sink, Options options,
            const TokenSource& token, Done done);
  ~PastFetch() override;

  FetchProgress Progress() const override;

 private:
  void Open(const TokenSource& token);
  void Watch();
  void Finish(FetchEvidence::Stop stop, const Verdict& verdict, absl::string_view message);
  void NoteTime(absl::Time create_time);
  void Count(const ScannedMessage& message);
  absl::Time XNow() const { return clock_.At(loop_.Now()); }

  void OnStreamConnected() override {}
  void OnStreamHead(const HttpHead& head, absl::Time now) override;
  void OnStreamBlock(LineBlock block) override;
  void OnStreamEnd(const HttpEnd& end, const std::string& body) override;

  void OnHeartbeat(absl::Time now) override {}
  void OnEvent(absl::string_view line, const ScannedMessage& message, absl::Time now) override;
  void OnControl(absl::string_view line, const ScannedMessage& message, absl::Time now) override;
  void OnUnparsable(absl::string_view line, UnparsableReason reason, absl::Time now) override;
  void OnBadRun(const BadRun& run) override { evidence_.lost_lines += run.lines; }
  void OnDropped(const LineBlock::Dropped& dropped) override;
  void OnCutLine(absl::string_view line, absl::Time now) override { is_cut_ = true; }

  Loop& loop_;
  HttpClient& http_;
  const Options options_;
  Done done_;

  XClock clock_;
  FetchEvidence evidence_;
  FetchedEvents events_;
  MessageFeed feed_;
  std::shared_ptr<StreamReader> reader_;
  HttpClient::RequestId request_id_ = 0;
  absl::Time open_time_;
  HttpHead head_;
  absl::Time reached_ = absl::InfinitePast();
  // X said that it would end the stream.
  absl::optional<Verdict> announced_;
  absl::flat_hash_set<uint64_t> counted_ids_;
  std::string last_words_;
  bool is_cut_ = false;
  uint64_t outside_ = 0;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_RECOVERY_PAST_FETCH_H_
