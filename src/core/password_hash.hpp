// Passwords: argon2id (RFC 9106) by libsodium, as PHC strings; hashes of other systems only to be checked and renewed.
#pragma once

#include "core/bytes.hpp"

namespace roughly {

struct Argon2Cost {
  std::uint32_t memory_kib = 19 * 1024; // OWASP Password Storage Cheat Sheet: m = 19 MiB, t = 2, p = 1
  std::uint32_t passes = 2;
};

// What a stored hash may ask for at most: more is refused before memory is taken.
inline constexpr Argon2Cost argon2_limit{256 * 1024, 10};
inline constexpr std::size_t max_password_size = 1024; // bytes

// Errc::invalid_argument when empty, Errc::value_too_long over 1024 bytes.
std::string hash_password(ByteView password, Argon2Cost cost);
// Errc::invalid_argument when a hash is malformed, of an unknown kind, or asks for too much; computes nothing.
void check_password_hash(std::string_view hash);
// False when the password is another one, or no password at all. Errors as check_password_hash.
bool verify_password(ByteView password, std::string_view phc);
// The cost a PHC string was made with. Errc::invalid_argument as above.
Argon2Cost parse_phc(std::string_view phc);
// True for a legacy hash, and when memory or passes are below `cost`. Only ever raises: libsodium's own needs_rehash would also lower.
bool needs_rehash(std::string_view phc, Argon2Cost cost);

} // namespace roughly
