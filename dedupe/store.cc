#include "dedupe/store.h"

namespace braid {

const char* TableName(Table table) {
  switch (table) {
    case Table::kLog:
      return "log";
    case Table::kIds:
      return "ids";
    case Table::kSightings:
      return "sightings";
    case Table::kStrays:
      return "strays";
    case Table::kSources:
      return "sources";
    case Table::kCover:
      return "cover";
    case Table::kMeta:
      return "meta";
    case Table::kUsage:
      return "usage";
  }
  return "unknown";
}

}  // namespace braid
