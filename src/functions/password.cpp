#include "core/password_hash.hpp"

#include "pg/settings.hpp"
#include "pg/value.hpp"

using namespace roughly;
using pg::Arguments;

ROUGHLY_FUNCTION(roughly_hash_password) {
  const auto password = Arguments(fcinfo).get<SecretBytes>(0, "password");
  pg::check_for_interrupts(); // hashing itself cannot be interrupted
  return pg::text_result(hash_password(password, pg::settings::argon2_cost()));
}

ROUGHLY_FUNCTION(roughly_verify_password) {
  const Arguments arguments(fcinfo);
  const auto password = arguments.get<SecretBytes>(0, "password");
  const auto hash = arguments.get<std::string>(1, "hash");
  pg::check_for_interrupts();
  return BoolGetDatum(verify_password(password, hash));
}

ROUGHLY_FUNCTION(roughly_password_needs_rehash) {
  return BoolGetDatum(needs_rehash(Arguments(fcinfo).get<std::string>(0, "hash"), pg::settings::argon2_cost()));
}
