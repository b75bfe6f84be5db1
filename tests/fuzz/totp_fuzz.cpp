// One-time codes as typed, for any secret and at any time.
#include "core/totp.hpp"
#include "fuzz.hpp"

#include <cstring>

using namespace roughly;
using namespace roughly::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  constexpr std::size_t head = totp_secret_size + sizeof(std::uint32_t);
  if (size < head)
    return 0;
  const ByteView secret(data, totp_secret_size);
  const std::string_view code = text_view(ByteView(data + head, size - head));
  std::uint32_t now = 0;
  std::memcpy(&now, data + totp_secret_size, sizeof now);

  if (const auto step = match_totp(secret, code, now, -2)) {
    require(totp_code(secret, *step) == code);
    require(!match_totp(secret, code, now, now / 30 + 1));
  }
  require(match_totp(secret, totp_code(secret, now / 30), now, -2).has_value());
  require(to_base32(view(code)).size() == (code.size() * 8 + 4) / 5);
  for (const char c : totp_uri(secret, code, code))
    require(c > ' ' && c < 0x7f);
  return 0;
}
