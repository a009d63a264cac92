#include "base/signals.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/real_loop.h"
#include "gtest/gtest.h"

namespace braid {
namespace {

TEST(Signals, TermAndIntBecomeATurnOfTheLoop) {
  for (int number : {SIGTERM, SIGINT}) {
    RealLoop loop;
    int got = 0;
    Signals signals(loop, [&](int signal_number) {
      got = signal_number;
      loop.Stop();
    });
    ASSERT_EQ(kill(getpid(), number), 0);
    loop.RunInThisThread();
    EXPECT_EQ(got, number);
  }
}

TEST(Signals, HangupReloadsAndDoesNotEndTheProcess) {
  RealLoop loop;
  int reloads = 0;
  Signals signals(loop, [&](int) { loop.Stop(); }, [&] {
    ++reloads;
    kill(getpid(), SIGTERM);
  });
  ASSERT_EQ(kill(getpid(), SIGHUP), 0);
  loop.RunInThisThread();
  EXPECT_EQ(reloads, 1);
}

TEST(Signals, WritingToAClosedSocketDoesNotEndTheProcess) {
  RealLoop loop;
  Signals signals(loop, [](int) {});
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  close(ends[1]);
  EXPECT_EQ(write(ends[0], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  close(ends[0]);
}

TEST(SignalsDeathTest, SecondSignalEndsTheProcessAtOnce) {
  EXPECT_EXIT(
      {
        RealLoop loop;
        Signals signals(loop, [](int) {});
        kill(getpid(), SIGTERM);
        kill(getpid(), SIGINT);
        // Two different signals queue; neither order matters.
        while (true) pause();
      },
      [](int status) {
        return WIFEXITED(status) && (WEXITSTATUS(status) == 130 || WEXITSTATUS(status) == 143);
      },
      "");
}

}  // namespace
}  // namespace braid
