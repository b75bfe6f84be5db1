// Tokens: what parses is spelled in one way only.
#include "core/session_token.hpp"
#include "fuzz.hpp"

using namespace roughly;
using namespace roughly::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  const std::string_view text = text_view(ByteView(data, size));
  if (const std::optional<Token> token = parse_token(text)) {
    require(encode_token(*token) == text);
    static_cast<void>(token_digest(some_key().subkey<Purpose::token>(), "session", *token));
  }
  if (const auto bytes = from_base64url(text))
    require(to_base64url(*bytes) == text);
  if (const auto bytes = from_hex(text))
    require(bytes->size() * 2 == text.size());
  return 0;
}
