// Time-based one-time passwords (RFC 6238): HMAC-SHA-1, 30 seconds, 6 digits, as every authenticator app knows them.
#pragma once

#include "core/bytes.hpp"

namespace roughly {

inline constexpr std::size_t totp_secret_size = 20; // bytes, RFC 4226 section 4

SecretBytes new_totp_secret();
std::string to_base32(ByteView bytes); // RFC 4648 without padding
// otpauth:// address for a QR code.
std::string totp_uri(ByteView secret, std::string_view issuer, std::string_view account);

// The code of a 30-second step.
std::string totp_code(ByteView secret, std::int64_t step);
// The step a code belongs to, one before to one after `now` (seconds since 1970), and later than `last_step`: a code
// serves once.
std::optional<std::int64_t> match_totp(ByteView secret, std::string_view code, std::int64_t now, std::int64_t last_step);

} // namespace roughly
