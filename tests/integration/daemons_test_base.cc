#include "tests/integration/daemons_test_base.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/harness/binaries.h"
#include "tests/harness/files.h"
#include "tests/harness/ports.h"
#include "tests/harness/run_to_end.h"

namespace braid::integration {
namespace {

harness::EmulatorOptions In(const std::string& dir, harness::EmulatorOptions options) {
  if (options.dir.empty()) options.dir = dir;
  return options;
}

}  // namespace

DaemonsTest::DaemonsTest(harness::EmulatorOptions emulator)
    : address_(absl::StrCat("127.0.0.1:", harness::FreePort())),
      emulator_(In(dir(), std::move(emulator))),
      deduper_(MakeDaemon("deduper", "dedupe/braid-deduper")) {}

std::unique_ptr<harness::Daemon> DaemonsTest::MakeDaemon(const std::string& name,
                                                         const std::string& binary) {
  harness::DaemonOptions options;
  options.name = name;
  options.dir = dir();
  options.command = {harness::RunfilePath(binary), "--config", Path(name + ".yaml")};
  return std::make_unique<harness::Daemon>(options);
}

std::unique_ptr<harness::Daemon> DaemonsTest::MakeConnector(const std::string& name) {
  return MakeDaemon(name, "ingest/braid-connector");
}

absl::Status DaemonsTest::WriteConnector(const std::string& name, const std::string& yaml) {
  return harness::WriteFile(Path(name + ".yaml"),
                            absl::StrCat(yaml, "dedupers: [{address: \"", address_,
                                         "\"}]\nspool: {dir: ", Path("spool-" + name),
                                         "}\nlisten: {http: \"127.0.0.1:0\"}\n"));
}

std::string DaemonsTest::StreamUrl(const std::string& connection, const std::string& path) const {
  return absl::StrReplaceAll(emulator().StreamUrl(connection), {{"/2/tweets/search/stream", path}});
}

absl::Status DaemonsTest::StartDeduper(const std::string& streams) {
  absl::Status status = harness::WriteFile(
      Path("deduper.yaml"), absl::StrCat("listen: {grpc: \"", address_,
                                         "\", http: \"127.0.0.1:0\"}\ndata_dir: ", Path("data"),
                                         "\nstreams:\n", streams));
  if (status.ok()) status = harness::InitDeduper(Path("deduper.yaml"), Path("init.log"));
  return status.ok() ? deduper_->Start() : status;
}

}  // namespace braid::integration
