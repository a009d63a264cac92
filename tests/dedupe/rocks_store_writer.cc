// Commits numbered groups to a store until it is killed, and says each number
// on standard output only after its commit. Arguments: directory, stream.

#include <unistd.h>

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "dedupe/rocks_store.h"

namespace braid {
namespace {

std::string Be64(uint64_t number) {
  std::string bytes;
  AppendBe64(&bytes, number);
  return bytes;
}

int Run(const std::string& dir, const std::string& stream) {
  absl::StatusOr<std::unique_ptr<RocksStore>> store = RocksStore::Open(dir, stream, {});
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", store.status().ToString().c_str());
    return 1;
  }
  const absl::StatusOr<std::string> core = (*store)->Get(Table::kMeta, "core");
  for (uint64_t number = core.ok() ? ReadBe64(*core) + 1 : 1;; ++number) {
    WriteSet changes;
    // Large enough that memtables fill and flush within the test.
    changes.Put(Table::kLog, Be64(number), std::string(300 << 10, static_cast<char>(number)));
    changes.Put(Table::kIds, Be64(number), Be64(number));
    changes.Put(Table::kSources, "source", Be64(number));
    changes.Put(Table::kMeta, "core", Be64(number));
    if (!(*store)->Commit(changes).ok()) return 70;
    const std::string line = Be64(number);
    if (write(STDOUT_FILENO, line.data(), line.size()) != 8) return 1;
  }
}

}  // namespace
}  // namespace braid

int main(int argc, char** argv) { return argc == 3 ? braid::Run(argv[1], argv[2]) : 2; }
