// Which role may call which service: connectors offer, readers read, operators
// do everything.
//
// Threads: any; pure.

#ifndef BRAID_DEDUPE_ACCESS_H_
#define BRAID_DEDUPE_ACCESS_H_

#include <grpcpp/server_context.h>

#include <string>

#include "absl/status/status.h"
#include "base/grpc_security.h"

namespace braid {

enum class Access {
  kOffer,  // IngestService
  kRead,   // StreamService, and AdminService's reading calls
  kOperate,  // what changes something
};

bool MayAccess(Role role, Access access);

// PermissionDenied where the caller's certificate does not allow it.
absl::Status CheckAccess(const grpc::AuthContext& auth, Access access);

// A connector offers under its certificate's name only; an operator under any.
bool MayOfferAs(const grpc::AuthContext& auth, const std::string& source_id);

}  // namespace braid

#endif  // BRAID_DEDUPE_ACCESS_H_
