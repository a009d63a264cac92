// A TCP port on loopback that nobody uses, for servers whose address must stay
// the same over restarts; everything else listens on port 0.

#ifndef BRAID_TESTS_HARNESS_PORTS_H_
#define BRAID_TESTS_HARNESS_PORTS_H_

namespace braid::harness {

// Drawn at random below the range the kernel uses for outgoing connections, so
// that none takes it while its server is away (a client that dials a free port
// of that range can even connect to itself).
int FreePort();

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_PORTS_H_
