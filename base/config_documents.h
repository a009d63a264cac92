// How many YAML documents a text holds: a loader takes the first and says nothing
// of the others.
//
// Pure. Throws YAML::Exception where the text is none. Bounds: keeps nothing.

#ifndef BRAID_BASE_CONFIG_DOCUMENTS_H_
#define BRAID_BASE_CONFIG_DOCUMENTS_H_

#include <string>

namespace braid {

// 0, 1, or 2 for more.
int CountYamlDocuments(const std::string& text);

}  // namespace braid

#endif  // BRAID_BASE_CONFIG_DOCUMENTS_H_
