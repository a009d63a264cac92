// CHECK: "we failed". On in production: a broken promise of our own stops the
// process, since going on could lose or double events. Bad data from X is
// never a reason for it.

#ifndef BRAID_BASE_CHECK_H_
#define BRAID_BASE_CHECK_H_

#include <cstdio>
#include <cstdlib>

#define BRAID_CHECK(condition)                                                             \
  do {                                                                                     \
    if (__builtin_expect(!(condition), 0)) {                                               \
      std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", __FILE__, __LINE__, #condition);   \
      std::abort();                                                                        \
    }                                                                                      \
  } while (false)

#endif  // BRAID_BASE_CHECK_H_
