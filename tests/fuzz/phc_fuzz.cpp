// Stored password hashes; verified only where that is cheap.
#include "core/password_hash.hpp"
#include "fuzz.hpp"

using namespace roughly;
using namespace roughly::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  const std::string_view phc = text_view(ByteView(data, size));
  value_or_error([&] {
    const Argon2Cost cost = parse_phc(phc);
    require(cost.memory_kib <= argon2_limit.memory_kib && cost.passes <= argon2_limit.passes);
    require(!needs_rehash(phc, cost) && needs_rehash(phc, {cost.memory_kib + 1, 1}));
    if (cost.memory_kib <= 64 && cost.passes <= 2)
      static_cast<void>(verify_password(view("correct horse"), phc));
  });
  return 0;
}
