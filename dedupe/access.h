// Which role may call which service: connectors offer and do work, readers
// read, operators do everything.
//
// Threads: any; pure.

#ifndef BRAID_DEDUPE_ACCESS_H_
#define BRAID_DEDUPE_ACCESS_H_

#include <grpcpp/server_context.h>

#include <string>

#include "absl/status/status.h"
#include "base/grpc_security.h"
#include "braid/v1/rules.pb.h"

namespace braid {

enum class Access {
  kOffer,    // IngestService
  kRead,     // StreamService, the reading calls of AdminService and RuleService
  kWork,     // WorkService
  kOperate,  // calls that change something
};

// Listing reads, though it makes a task and a request to X: both are bounded by
// what waits and by X's limit, which the worker keeps. All else changes rules,
// or asks X in their name.
Access AccessOf(v1::RuleAction::Kind kind);

bool MayAccess(Role role, Access access);

// PermissionDenied where the caller's certificate does not allow it.
absl::Status CheckAccess(const grpc::AuthContext& auth, Access access);

// PermissionDenied where it may not: a connector offers under its certificate's
// name only, an operator under any.
absl::Status CheckOfferAs(const grpc::AuthContext& auth, const std::string& source_id);

}  // namespace braid

#endif  // BRAID_DEDUPE_ACCESS_H_
