// Password hashes of other systems, accepted so that their users can come over; renewed as argon2id at the next log-in.
//   bcrypt   $2a$ $2b$ $2y$, cost up to 14, by libxcrypt (first 72 bytes of the password, as everywhere)
//   PBKDF2   $pbkdf2-sha256$ROUNDS$SALT$HASH and $pbkdf2-sha512$..., the modular form of passlib and pbkdf2_elixir, up to
//            2000000 rounds, by OpenSSL
#pragma once

#include "core/bytes.hpp"

namespace roughly {

bool is_legacy_hash(std::string_view hash) noexcept; // by its prefix
// Errc::invalid_argument when malformed or too costly; computes nothing.
void check_legacy_hash(std::string_view hash);
bool verify_legacy_hash(ByteView password, std::string_view hash);

} // namespace roughly
