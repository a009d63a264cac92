// GET and DELETE /2/connections: lists the streams of the app, ends them by id,
// by endpoint, or all.
//
// Threads: the emulator's loop. Owner: none, functions over the list.

#ifndef BRAID_TESTS_EMULATOR_REST_CONNECTIONS_H_
#define BRAID_TESTS_EMULATOR_REST_CONNECTIONS_H_

#include "tests/emulator/connection_book.h"
#include "tests/emulator/http_text.h"
#include "tests/emulator/route_table.h"

namespace braid::emulator {

HttpAnswer ListConnections(const RouteRequest& request, const ConnectionList& connections);
// The UUIDs of the body.
HttpAnswer KillConnections(const RouteRequest& request, ConnectionList* connections);
HttpAnswer KillAllConnections(const RouteRequest& request, ConnectionList* connections);
// All of the endpoint that the path names.
HttpAnswer KillEndpoint(const RouteRequest& request, ConnectionList* connections);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_REST_CONNECTIONS_H_
