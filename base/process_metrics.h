// What the kernel says about this process, under the names every Prometheus
// client uses. Thread-safe.

#ifndef BRAID_BASE_PROCESS_METRICS_H_
#define BRAID_BASE_PROCESS_METRICS_H_

#include "base/metrics.h"

namespace braid {

void CollectProcessMetrics(MetricSink& sink);

}  // namespace braid

#endif  // BRAID_BASE_PROCESS_METRICS_H_
