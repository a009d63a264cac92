// Where a connection puts what it has to say: the session's records, in order.
// The spool is the real one.

#ifndef BRAID_INGEST_RECORD_SINK_H_
#define BRAID_INGEST_RECORD_SINK_H_

#include "braid/v1/ingest_service.pb.h"

namespace braid {

class RecordSink {
 public:
  virtual ~RecordSink() = default;
  // Takes the next record of the session; epoch and offset are filled in by
  // the sink (a frame takes one offset per event, any other record one).
  virtual void Append(v1::SessionRecord record) = 0;
};

}  // namespace braid

#endif  // BRAID_INGEST_RECORD_SINK_H_
