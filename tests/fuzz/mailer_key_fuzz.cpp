// The file with the mailer's public key, whatever point it names.
#include "core/session_token.hpp"
#include "fuzz.hpp"

using namespace roughly;
using namespace roughly::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  const std::string_view file = text_view(ByteView(data, size));
  if (const std::optional<MailerKey> key = parse_mailer_key(file)) {
    require(parse_mailer_key(to_hex(*key)) == key);
    value_or_error([&] { require(from_base64url(seal_for_mailer(*key, file))->size() == size + crypto_box_SEALBYTES); });
  }
  return 0;
}
