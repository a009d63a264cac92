// The emulator's transport over TLS, on OpenSSL. Threads: one.

#ifndef BRAID_TESTS_EMULATOR_TLS_TRANSPORT_H_
#define BRAID_TESTS_EMULATOR_TLS_TRANSPORT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tests/emulator/transport.h"

namespace braid::emulator {

// Certificate chain and key are PEM files. TLS 1.2 and later, as X.
absl::StatusOr<std::unique_ptr<TransportFactory>> MakeTlsFactory(
    const std::string& certificate_path, const std::string& key_path);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_TLS_TRANSPORT_H_
