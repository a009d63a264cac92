// Parts of a path as text. Pure; any thread.

#ifndef BRAID_BASE_FILE_PATH_H_
#define BRAID_BASE_FILE_PATH_H_

#include <string>

namespace braid {

// "a/b" → "a", "a" → ".", "/a" → "/", "/" → "/".
inline std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace braid

#endif  // BRAID_BASE_FILE_PATH_H_
