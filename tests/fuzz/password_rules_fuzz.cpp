// A password and the address it is for, split at the first line end.
#include "core/password_rules.hpp"
#include "fuzz.hpp"

using namespace roughly;
using namespace roughly::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  const std::string_view input = text_view(ByteView(data, size));
  const std::size_t end = std::min(input.find('\n'), size);
  const std::string_view password = input.substr(0, end), email = input.substr(std::min(end + 1, size));
  const auto has = [&](std::size_t least, std::string_view fault) {
    const std::vector<std::string> faults = password_faults(view(password), email, least);
    return std::find(faults.begin(), faults.end(), fault) != faults.end();
  };
  require(!has(0, "too_short") && has(password.size() + 1, "too_short"));
  require(has(8, "too_obvious") == has(15, "too_obvious"));
  static_cast<void>(blocklist_digest(view(password)));
  return 0;
}
