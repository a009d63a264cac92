// truth-dump: prints a truth file as JSON lines.

#include <iostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/emulator/http_text.h"
#include "tests/emulator/truth.h"

namespace braid::emulator {
namespace {

std::string Ranges(const std::vector<EmissionRange>& ranges) {
  std::string out;
  for (const EmissionRange& range : ranges) {
    absl::StrAppend(&out, out.empty() ? "" : ",", "[", range.first, ",", range.count, "]");
  }
  return out;
}

void PrintConnection(const Truth& truth, const TruthConnection& connection) {
  std::string ended = connection.end_kind == EndKind::kOpen
                          ? ""
                          : absl::StrCat(",\"ended\":\"", absl::FormatTime(connection.ended), "\"");
  std::cout << absl::StrCat(
      "{\"connection\":", connection.number, ",\"tag\":", JsonText(connection.tag),
      ",\"address\":", JsonText(connection.address), ",\"connected\":\"",
      absl::FormatTime(connection.connected), "\"", ended, ",\"end\":\"",
      EndKindName(connection.end_kind), "\",\"sent_count\":", truth.SentCount(connection),
      ",\"sent\":[", Ranges(connection.sent), "],\"maybe\":[", Ranges(connection.maybe),
      "],\"dropped\":[", Ranges(connection.dropped), "]}\n");
}

int Main(int argc, char** argv) {
  if (argc != 2 || argv[1][0] == '-') {
    std::cerr << "usage: truth-dump FILE\n"
                 "Prints {\"truth\":…}, one line per connection, request and emission. Ranges are\n"
                 "[first emission, count].\n";
    return argc == 2 && std::string(argv[1]) == "--help" ? 0 : 2;
  }
  absl::StatusOr<Truth> truth = ReadTruth(argv[1]);
  if (!truth.ok()) {
    std::cerr << "truth-dump: " << truth.status() << "\n";
    return 1;
  }
  std::cout << absl::StrCat("{\"truth\":{\"started\":\"", absl::FormatTime(truth->started),
                            "\",\"seed\":", truth->seed, ",\"emissions\":", truth->emissions.size(),
                            ",\"finished\":", truth->finished ? "true" : "false",
                            ",\"torn_bytes\":", truth->torn_bytes, "}}\n");
  for (const TruthConnection& connection : truth->connections) PrintConnection(*truth, connection);
  for (const TruthRequest& request : truth->requests) {
    std::cout << absl::StrCat(
        "{\"asked\":", JsonText(request.line), ",\"time\":\"", absl::FormatTime(request.time),
        "\",\"status\":", request.status, ",\"connection\":", request.connection,
        ",\"tag\":", JsonText(request.tag), ",\"address\":", JsonText(request.address), "}\n");
  }
  for (size_t i = 0; i < truth->emissions.size(); ++i) {
    const Emission& emission = truth->emissions[i];
    std::cout << absl::StrCat("{\"emission\":", i, ",\"id\":\"", emission.post_id(),
                              "\",\"kind\":", static_cast<int>(truth->KindOf(i)),
                              ",\"micros\":", emission.micros,
                              emission.is_duplicate() ? ",\"duplicate\":true}\n" : "}\n");
  }
  return 0;
}

}  // namespace
}  // namespace braid::emulator

int main(int argc, char** argv) { return braid::emulator::Main(argc, argv); }
