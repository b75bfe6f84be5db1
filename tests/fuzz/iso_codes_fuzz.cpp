// Countries and regions: what is taken has the form of a code.
#include "core/iso_codes.hpp"
#include "fuzz.hpp"

using namespace roughly;
using namespace roughly::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  const std::string_view code = text_view(ByteView(data, size));
  require(!is_country(code) || code.size() == 2);
  require(!is_region(code) || (code.size() >= 4 && code[2] == '-' && is_country(code.substr(0, 2))));
  return 0;
}
