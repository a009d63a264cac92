// What makes a configuration usable: reads the file, fills the defaults in and
// names every problem with its key, its place and the remedy.
//
// Single-threaded, in main only. Looks at files (existence, permissions) and
// at nothing else; no name is looked up.

#ifndef BRAID_BASE_CONFIG_CHECK_H_
#define BRAID_BASE_CONFIG_CHECK_H_

#include <string>

#include "base/config_loader.h"
#include "braid/config/v1/config.pb.h"

namespace braid {

// `out` is complete and valid when HasErrors(result) is false; warnings may be
// left.
// What a dialect allows is checked by ingest/connector_config.h,
// dedupe/deduper_config.h and recovery/recoverer_config.h, which need `source`.
ConfigProblems LoadConnectorConfig(const std::string& file, config::v1::ConnectorConfig* out,
                                   ConfigSource* source);
ConfigProblems LoadRecovererConfig(const std::string& file, config::v1::RecovererConfig* out,
                                   ConfigSource* source);
ConfigProblems LoadDeduperConfig(const std::string& file, config::v1::DeduperConfig* out,
                                 ConfigSource* source);

// What it would run: "2 streams: main (2 connections), likes (4 connections)".
std::string Summarize(const config::v1::DeduperConfig& config);

}  // namespace braid

#endif  // BRAID_BASE_CONFIG_CHECK_H_
