// No parser: bugs on purpose (tests/plants.hpp) behind their names. script/sanitize asks whether they are found.
#include "../plants.hpp"
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  roughly::plants::plant(std::string(data, data + size));
  return 0;
}
