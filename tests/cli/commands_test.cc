// The commands against a server in this process: what they print, and how they
// exit.

#include "cli/commands.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "braid/v1/admin_service.grpc.pb.h"
#include "dedupe/stream_service.h"
#include "dedupe/tail.h"
#include "proto/reason.h"
#include "tests/cli/run_words.h"
#include "tests/dedupe/test_log.h"

namespace braid {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1790000100);

class FakeAdmin final : public v1::AdminService::Service {
 public:
  grpc::Status GetServerInfo(grpc::ServerContext*, const v1::GetServerInfoRequest*,
                             v1::ServerInfo* info) override {
    info->set_version("9.9.9");
    info->add_streams("main");
    return grpc::Status::OK;
  }
  grpc::Status GetStatus(grpc::ServerContext*, const v1::GetStatusRequest* request,
                         v1::StreamStatus* status) override {
    status->set_stream(request->stream());
    status->set_health(health);
    if (!pause_reason.empty()) status->mutable_pause()->set_reason(pause_reason);
    if (pause_seconds > 0) status->mutable_pause()->mutable_end_time()->set_seconds(pause_seconds);
    return grpc::Status::OK;
  }
  grpc::Status ListConnections(grpc::ServerContext*, const v1::ListConnectionsRequest* request,
                               v1::ListConnectionsResponse* response) override {
    bool second = request->page_token() == "2";
    response->add_connections()->set_name(second ? "streams/main/connections/nyc-b"
                                                 : "streams/main/connections/fra-a");
    if (!second) response->set_next_page_token("2");
    return grpc::Status::OK;
  }
  grpc::Status DrainConnection(grpc::ServerContext*, const v1::DrainConnectionRequest* request,
                               v1::DrainConnectionResponse*) override {
    drain = *request;
    if (drains_refused == 0) return grpc::Status::OK;
    --drains_refused;
    return ToGrpcStatus(ReasonError(absl::StatusCode::kFailedPrecondition, "nyc-b is not back",
                                    {"DRAIN_GRANTED", {}}));
  }
  grpc::Status ResumeStream(grpc::ServerContext*, const v1::ResumeStreamRequest*,
                            v1::ResumeStreamResponse*) override {
    return grpc::Status::OK;
  }
  v1::DrainConnectionRequest drain;
  int drains_refused = 0;
  v1::StreamStatus::Health health = v1::StreamStatus::HEALTH_REDUNDANT;
  std::string pause_reason;
  // When the pause ends; 0: an operator's.
  int64_t pause_seconds = 0;
};

class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest() {
    streams_["main"] = &log_.stream();
    for (int i = 0; i < 5; ++i) log_.AddPosts("a", {PostId(i)}, kStart);
    StartServer(0);
  }
  ~CommandsTest() override { StopServer(); }

  void StartServer(int port) {
    service_ = std::make_unique<StreamServiceImpl>(streams_, pool_, calls_,
                                                   StreamServiceImpl::Options{});
    grpc::ServerBuilder builder;
    builder.AddListeningPort(absl::StrCat("127.0.0.1:", port), grpc::InsecureServerCredentials(),
                             &port_);
    builder.RegisterService(service_.get());
    builder.RegisterService(&admin_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  void StopServer() {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    server_ = nullptr;
  }

  int Run(std::vector<std::string> arguments, bool with_server = true) {
    if (with_server) {
      arguments.push_back("--server");
      arguments.push_back(absl::StrCat("127.0.0.1:", port_));
    }
    FILE* out = interrupt_on_output_ ? OpenInterrupting(&interrupt_)
                : write_error_ != 0  ? OpenFailing()
                : on_output_         ? OpenHeard()
                                     : nullptr;
    Printed printed = RunWords(arguments, interrupt_, Terminal(), out);
    out_ = printed.out;
    err_ = printed.err;
    return printed.code;
  }
  // Each write goes to on_output_.
  FILE* OpenHeard() {
    cookie_io_functions_t functions{};
    functions.write = [](void* test, const char* text, size_t size) {
      static_cast<CommandsTest*>(test)->on_output_(absl::string_view(text, size));
      return static_cast<ssize_t>(size);
    };
    return fopencookie(this, "w", functions);
  }
  // Takes nothing.
  FILE* OpenFailing() {
    cookie_io_functions_t functions{};
    functions.write = [](void* error, const char*, size_t) -> ssize_t {
      errno = *static_cast<int*>(error);
      return 0;
    };
    return fopencookie(&write_error_, "w", functions);
  }
  // The cursor in the line at the end.
  std::string Cursor() const {
    size_t at = err_.rfind("braid: cursor: ");
    if (at == std::string::npos || err_.back() != '\n') return "";
    std::vector<std::string> words = absl::StrSplit(err_.substr(at), ' ');
    return words[2];
  }
  // Behind the first two posts.
  std::string FirstCursor() {
    Tail::Options options;
    options.batch_events_max = 2;
    Tail tail(log_.stream().reader(), "log-1", options);
    v1::TailEventsResponse batch;
    EXPECT_TRUE(tail.Fill(&batch).ok());
    tail.FillPosition(&batch);
    return batch.position().cursor();
  }
  std::string CursorFilePath() {
    std::string path = absl::StrCat(testing::TempDir(), "/cursor-", getpid());
    unlink(path.c_str());
    return path;
  }
  bool OutHas(const std::string& part) const { return out_.find(part) != std::string::npos; }
  bool ErrHas(const std::string& part) const { return err_.find(part) != std::string::npos; }

  TestLog log_;
  WorkPool pool_{2};
  TailCalls calls_;
  ReadableStreams streams_;
  std::unique_ptr<StreamServiceImpl> service_;
  FakeAdmin admin_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  Interrupt interrupt_;
  bool interrupt_on_output_ = false;
  // Of every write to stdout.
  int write_error_ = 0;
  std::function<void(absl::string_view)> on_output_;
  std::string out_, err_;
};

TEST_F(CommandsTest, TailPrintsOriginalPayloadsOnePerLine) {
  EXPECT_EQ(Run({"tail", "--from", "earliest", "--stop-at-end", "-o", "jsonl"}), kExitOk);
  std::string expected;
  for (int i = 0; i < 5; ++i) expected += PostLine(PostId(i)) + "\n";
  EXPECT_EQ(out_, expected);
  EXPECT_NE(Cursor(), "");
}

TEST_F(CommandsTest, CursorIsToldAtEveryEndAndResumesThere) {
  for (std::vector<std::string> ending : std::vector<std::vector<std::string>>{
           {"-n", "2"}, {"-n", "2", "-o", "jsonl"}, {"-n", "2", "--envelope"}}) {
    std::vector<std::string> arguments = {"tail", "--from", "earliest"};
    arguments.insert(arguments.end(), ending.begin(), ending.end());
    EXPECT_EQ(Run(arguments), kExitOk);
    EXPECT_EQ(Run({"tail", "--cursor", Cursor(), "--stop-at-end", "-o", "jsonl"}), kExitOk);
    EXPECT_EQ(out_, PostLine(PostId(2)) + "\n" + PostLine(PostId(3)) + "\n" +
                        PostLine(PostId(4)) + "\n");
  }
}

TEST_F(CommandsTest, CreationOrderIsSortedAndSaysWhatIsLate) {
  log_.SetWatermark(SnowflakeTime(PostId(3)));
  EXPECT_EQ(Run({"tail", "--order", "creation", "--from", "earliest", "--stop-at-end", "-o", "jsonl"}),
            kExitOk);
  EXPECT_EQ(out_, PostLine(PostId(0)) + "\n" + PostLine(PostId(1)) + "\n" + PostLine(PostId(2)) +
                      "\n");
  EXPECT_TRUE(ErrHas(" --order creation "));
  std::string cursor = Cursor();
  log_.AddPosts("b", {PostId(1) + 1}, absl::FromUnixSeconds(1790000100));
  EXPECT_EQ(Run({"tail", "--order", "creation", "--cursor", cursor, "--stop-at-end", "-o", "jsonl"}),
            kExitOk);
  EXPECT_EQ(out_, PostLine(PostId(1) + 1) + "\n");
  EXPECT_TRUE(ErrHas(absl::StrCat("late: 1 event out of order: ", PostId(1) + 1)));
  EXPECT_EQ(
      Run({"tail", "--order", "creation", "--cursor", cursor, "--stop-at-end", "--envelope"}),
      kExitOk);
  EXPECT_TRUE(OutHas("\"late\":true"));
  EXPECT_EQ(Run({"tail", "--cursor", cursor}), kExitFailed);
  EXPECT_TRUE(ErrHas("in creation order"));
}

TEST_F(CommandsTest, ResumeCommandCanBeTyped) {
  EXPECT_EQ(Run({"tail", "--from", "earliest", "-n", "2", "-o", "jsonl"}), kExitOk);
  std::string command = err_.substr(err_.find("resume: braid ") + 14);
  command.pop_back();
  std::vector<std::string> words = absl::StrSplit(command, ' ');
  words.push_back("--stop-at-end");
  EXPECT_EQ(Run(words, /*with_server=*/false), kExitOk);
  EXPECT_EQ(out_, PostLine(PostId(2)) + "\n" + PostLine(PostId(3)) + "\n" +
                      PostLine(PostId(4)) + "\n");
}

TEST_F(CommandsTest, CursorIsToldWhenTheServerGoesForGood) {
  on_output_ = [this](absl::string_view) { StopServer(); };
  EXPECT_EQ(Run({"tail", "--from", "earliest", "--no-reconnect"}), kExitUnreachable);
  EXPECT_NE(Cursor(), "");
}

TEST_F(CommandsTest, CursorIsToldAndNothingElseWhenTheReaderLeaves) {
  write_error_ = EPIPE;
  EXPECT_EQ(Run({"tail", "--from", "earliest", "-o", "jsonl"}), kExitBrokenPipe);
  EXPECT_EQ(err_, "");
  // Printed before, lost now: what could not be printed is not behind it.
  EXPECT_EQ(Run({"tail", "--cursor", FirstCursor(), "-o", "jsonl"}), kExitBrokenPipe);
  EXPECT_EQ(Cursor(), FirstCursor());
  EXPECT_EQ(err_.find("can not"), std::string::npos);
}

TEST_F(CommandsTest, FullDiskIsSaidAndFails) {
  write_error_ = ENOSPC;
  EXPECT_EQ(Run({"tail", "--from", "earliest"}), kExitFailed);
  EXPECT_TRUE(ErrHas("can not write the output: No space left on device"));
  EXPECT_EQ(Run({"status"}), kExitFailed);
  EXPECT_TRUE(ErrHas("No space left on device"));
}

TEST(AnnounceTest, HelpThatCanNotBeWrittenFails) {
  Terminal terminal;
  terminal.err = std::tmpfile();
  using Words = std::vector<std::string>;
  for (const Words& words : {Words{"--help"}, Words{"status", "--help"}}) {
    ParsedCommandLine parsed = ParseCommandLine(words, [](const char*) { return nullptr; });
    terminal.out = std::fopen("/dev/full", "w");
    EXPECT_EQ(Announce(parsed, terminal), kExitFailed) << words[0];
    std::fclose(terminal.out);
    terminal.out = std::tmpfile();
    EXPECT_EQ(Announce(parsed, terminal), kExitOk) << words[0];
    std::fclose(terminal.out);
  }
  std::fclose(terminal.err);
}

TEST_F(CommandsTest, TailInALoopOverACursorFileSkipsNothing) {
  std::string file = CursorFilePath();
  std::string all;
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Run({"tail", "--cursor-file", file, "--from", "earliest", "-n", "1", "-o", "jsonl"}),
              kExitOk);
    all += out_;
  }
  std::string expected;
  for (int i = 0; i < 5; ++i) expected += PostLine(PostId(i)) + "\n";
  EXPECT_EQ(all, expected);
}

TEST_F(CommandsTest, WhatCouldNotBePrintedIsNotBehindTheCursorFile) {
  std::string file = CursorFilePath();
  EXPECT_EQ(Run({"tail", "--cursor-file", file, "--from", "earliest", "-n", "2", "-o", "jsonl"}),
            kExitOk);
  write_error_ = ENOSPC;
  EXPECT_EQ(Run({"tail", "--cursor-file", file, "--stop-at-end", "-o", "jsonl"}), kExitFailed);
  write_error_ = 0;
  EXPECT_EQ(Run({"tail", "--cursor-file", file, "-n", "1", "-o", "jsonl"}), kExitOk);
  EXPECT_EQ(out_, PostLine(PostId(2)) + "\n");
}

TEST_F(CommandsTest, UnusableCursorFileIsRefusedNotTakenForNow) {
  for (const char* text : {"", "\n", "two words\n"}) {
    std::string file = CursorFilePath();
    std::ofstream(file) << text;
    EXPECT_EQ(Run({"tail", "--cursor-file", file, "--stop-at-end"}), kExitFailed);
    EXPECT_TRUE(ErrHas("cursor file")) << err_;
  }
  EXPECT_EQ(
      Run({"tail", "--cursor-file", "/no/such/dir/file", "--from", "earliest", "--stop-at-end"}),
      kExitFailed);
  EXPECT_EQ(out_, "") << "what it stands for is not printed";
  EXPECT_TRUE(ErrHas("/no/such/dir/file")) << err_;
}

TEST_F(CommandsTest, ATailInCreationOrderSaysWhereItStopped) {
  EXPECT_EQ(Run({"tail", "--order", "creation", "--from", "earliest", "--stop-at-end"}), kExitOk);
  EXPECT_TRUE(ErrHas("stopped before the stream's first cover")) << err_;
  log_.SetWatermark(absl::Now() - absl::Hours(1));
  EXPECT_EQ(Run({"tail", "--order", "creation", "--from", "earliest", "--stop-at-end"}), kExitOk);
  EXPECT_TRUE(ErrHas("stopped at the watermark, ")) << err_;
  EXPECT_TRUE(ErrHas("an open gap holds it")) << err_;
  log_.SetWatermark(absl::Now() - absl::Seconds(10));
  EXPECT_EQ(Run({"tail", "--order", "creation", "--from", "earliest", "--stop-at-end"}), kExitOk);
  EXPECT_TRUE(ErrHas("stopped at the watermark, ")) << err_;
  EXPECT_FALSE(ErrHas("an open gap holds it")) << err_;
}

TEST_F(CommandsTest, AResumeOfWhatIsNotPausedSaysSo) {
  EXPECT_EQ(Run({"stream", "resume"}), kExitOk);
  EXPECT_TRUE(ErrHas("streams/main was not paused")) << err_;
  admin_.pause_reason = "quota";
  EXPECT_EQ(Run({"stream", "resume"}), kExitOk);
  EXPECT_TRUE(ErrHas("streams/main streams again")) << err_;
}

TEST_F(CommandsTest, StartInTheFutureIsRefused) {
  EXPECT_EQ(Run({"tail", "--from", "2199-01-01T00:00:00Z"}), kExitFailed);
  EXPECT_TRUE(ErrHas("START_IN_FUTURE")) << err_;
  EXPECT_EQ(Run({"tail", "--from", "999999"}), kExitFailed);
  EXPECT_TRUE(ErrHas("CURSOR_IN_FUTURE")) << err_;
}

TEST_F(CommandsTest, TailStopsAtItsLimit) {
  EXPECT_EQ(Run({"tail", "--from", "2", "-n", "2", "-o", "jsonl"}), kExitOk);
  EXPECT_EQ(out_, PostLine(PostId(1)) + "\n" + PostLine(PostId(2)) + "\n");
}

TEST_F(CommandsTest, EnvelopeIsTheWholeEventAsJson) {
  EXPECT_EQ(Run({"tail", "--from", "5", "--stop-at-end", "--envelope"}), kExitOk);
  EXPECT_TRUE(OutHas("\"sequence\":\"5\""));
  EXPECT_TRUE(OutHas("\"connectionId\":\"a\""));
}

TEST_F(CommandsTest, InterruptedTailLeavesAtOnceAndSaysWhereToResume) {
  // Ctrl-C while the first lines are printed.
  interrupt_on_output_ = true;
  EXPECT_EQ(Run({"tail", "--from", "earliest", "-o", "jsonl"}), kExitOk);
  EXPECT_NE(Cursor(), "");
}

TEST_F(CommandsTest, CursorResumesWithoutSkipOrRepeat) {
  EXPECT_EQ(Run({"tail", "--cursor", FirstCursor(), "--stop-at-end", "-o", "jsonl"}), kExitOk);
  EXPECT_EQ(out_, PostLine(PostId(2)) + "\n" + PostLine(PostId(3)) + "\n" + PostLine(PostId(4)) +
                      "\n");
}

TEST_F(CommandsTest, TailResumesWhenTheServerComesBack) {
  std::string text;
  // One that never answered would be an error.
  on_output_ = [this, &text](absl::string_view written) {
    if (text.empty()) {
      StopServer();
      log_.AddPosts("a", {PostId(5)}, kStart);
      StartServer(port_);
    }
    absl::StrAppend(&text, written);
  };
  EXPECT_EQ(Run({"tail", "--from", "earliest", "-n", "6", "-o", "jsonl"}), kExitOk) << err_;
  std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 6u);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(lines[i], PostLine(PostId(i)));
}

TEST_F(CommandsTest, StatusExitCodeTellsHealthOnlyUnderCheck) {
  const std::pair<v1::StreamStatus::Health, int> cases[] = {
      {v1::StreamStatus::HEALTH_REDUNDANT, 0},
      {v1::StreamStatus::HEALTH_EXPOSED, 1},
      {v1::StreamStatus::HEALTH_DARK, 2},
  };
  for (auto [health, code] : cases) {
    admin_.health = health;
    EXPECT_EQ(Run({"status", "--check"}), code);
    EXPECT_EQ(Run({"status"}), kExitOk);
  }
  EXPECT_EQ(Run({"status", "-o", "json"}), kExitOk);
  EXPECT_TRUE(OutHas("\"health\": \"HEALTH_DARK\""));
}

TEST_F(CommandsTest, AnOperatorsPauseIsNoFailureOfTheCheck) {
  admin_.health = v1::StreamStatus::HEALTH_DARK;
  admin_.pause_reason = "quota";
  EXPECT_EQ(Run({"status", "--check"}), kExitOk);
  EXPECT_TRUE(ErrHas("warning: an operator paused the stream"));
  EXPECT_TRUE(ErrHas("quota"));
  EXPECT_TRUE(ErrHas("braid stream resume"));
  admin_.pause_seconds = 1'795'219'200;
  EXPECT_EQ(Run({"status", "--check"}), 2) << "a limit's pause is a problem";
}

TEST_F(CommandsTest, EventGetAndWhy) {
  std::string id = absl::StrCat(PostId(3));
  EXPECT_EQ(Run({"event", "get", id, "-o", "jsonl"}), kExitOk);
  EXPECT_EQ(out_, PostLine(PostId(3)) + "\n");
  EXPECT_EQ(Run({"event", "why", id}), kExitOk);
  EXPECT_TRUE(OutHas("at sequence 4"));
  EXPECT_EQ(Run({"event", "get", "17"}), kExitNotFound);
  EXPECT_TRUE(ErrHas("EVENT_NOT_FOUND"));
  EXPECT_EQ(Run({"event", "why", "17"}), kExitNotFound);
  EXPECT_TRUE(OutHas("is not in the log"));
}

TEST_F(CommandsTest, ConnectionListFollowsPages) {
  EXPECT_EQ(Run({"connection", "ls"}), kExitOk);
  EXPECT_TRUE(OutHas("fra-a"));
  EXPECT_TRUE(OutHas("nyc-b"));
}

TEST_F(CommandsTest, UnknownStreamIsNotFound) {
  EXPECT_EQ(Run({"tail", "--stream", "other", "--stop-at-end"}), kExitNotFound);
  EXPECT_TRUE(ErrHas("UNKNOWN_STREAM"));
}

TEST_F(CommandsTest, BadCursorFails) {
  EXPECT_EQ(Run({"tail", "--cursor", "nonsense"}), kExitFailed);
  EXPECT_TRUE(ErrHas("CURSOR_INVALID"));
}

TEST_F(CommandsTest, NobodyThereIsUnreachable) {
  StopServer();
  for (const char* command : {"status", "tail", "top"}) {
    EXPECT_EQ(Run({command}), kExitUnreachable) << command;
    EXPECT_TRUE(ErrHas("can not reach")) << command;
  }
  EXPECT_EQ(Run({"version"}), kExitOk);
  EXPECT_TRUE(OutHas("not reachable"));
}

TEST_F(CommandsTest, PlainTextBeyondThisMachineIsRefused) {
  ParsedCommandLine parsed = ParseCommandLine({"status", "--server", "deduper.example:7400"},
                                              [](const char*) { return nullptr; });
  Terminal terminal;
  terminal.err = std::tmpfile();
  EXPECT_EQ(RunCommand(parsed.command_line, terminal, interrupt_), kExitUsage);
  std::fclose(terminal.err);
}

TEST_F(CommandsTest, DrainNamesTheConnectionOfTheOnlyStream) {
  EXPECT_EQ(Run({"connection", "drain", "fra-a", "--reconnect"}), kExitOk);
  EXPECT_EQ(admin_.drain.name(), "streams/main/connections/fra-a");
  EXPECT_TRUE(admin_.drain.reconnect());
  EXPECT_FALSE(admin_.drain.force());
  EXPECT_TRUE(OutHas("fra-a reconnects"));
}

TEST_F(CommandsTest, DrainThatIsRefusedFailsAndSaysWhy) {
  admin_.drains_refused = 1;
  EXPECT_EQ(Run({"connection", "drain", "fra-a"}), kExitFailed);
  EXPECT_NE(err_.find("nyc-b is not back"), std::string::npos);
}

TEST_F(CommandsTest, DrainWaitsWhileItIsRefused) {
  admin_.drains_refused = 1;
  EXPECT_EQ(Run({"connection", "drain", "fra-a", "--wait", "--force"}), kExitOk);
  EXPECT_EQ(admin_.drains_refused, 0);
  EXPECT_TRUE(admin_.drain.force());
}

}  // namespace
}  // namespace braid
