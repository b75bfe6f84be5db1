// Password hashes of other systems; verified only where that is cheap.
#include "core/legacy_hash.hpp"
#include "core/password_hash.hpp"
#include "fuzz.hpp"

using namespace roughly;
using namespace roughly::fuzz;

namespace {

bool is_cheap(std::string_view hash) {
  const bool bcrypt = hash.starts_with("$2");
  const std::size_t cost = hash.find('$', 1) + 1;
  return bcrypt ? hash.substr(cost, 2) == "04" : hash.find('$', cost) - cost <= 2; // at most 99 rounds
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  const std::string_view hash = text_view(ByteView(data, size));
  const bool legacy = is_legacy_hash(hash);
  value_or_error([&] {
    check_password_hash(hash);
    require(!legacy || needs_rehash(hash, {}));
  });
  value_or_error([&] {
    check_legacy_hash(hash);
    if (legacy && is_cheap(hash))
      static_cast<void>(verify_password(view("correct horse"), hash));
  });
  return 0;
}
