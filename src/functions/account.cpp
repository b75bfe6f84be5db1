#include "functions/records.hpp"

#include "core/password_hash.hpp"
#include "functions/credentials.hpp"
#include "pg/identity.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

constinit Statement insert_user{
    "INSERT INTO roughly.users (id, email, email_normalized, hashed_password, confirmed_at, vote_secret)"
    " VALUES ($1, $2, pg_catalog.lower(pg_catalog.normalize($2, 'NFC')), $3, $4, $5) ON CONFLICT (email_normalized) DO NOTHING",
    {UUIDOID, TEXTOID, BYTEAOID, TIMESTAMPTZOID, BYTEAOID}};

// What phx.gen.auth asks of an address: one @ between something and something, no blanks or separators.
void check_email(std::string_view email) {
  constexpr std::size_t most = 160;
  if (email.size() > most)
    throw Error(Errc::value_too_long, "the e-mail address is longer than 160 bytes");
  const std::size_t at = email.find('@');
  if (at == 0 || at == std::string_view::npos || at + 1 == email.size() || email.find('@', at + 1) != std::string_view::npos ||
      std::any_of(email.begin(), email.end(), [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == ',' || c == ';'; }))
    throw Error(Errc::invalid_argument, "this is not an e-mail address", "Expected is something@something, without blanks.");
}

} // namespace

ROUGHLY_FUNCTION(roughly_admin_import_user) {
  const Arguments arguments(fcinfo);
  const auto email = arguments.get<std::string>(0, "email");
  const auto phc = arguments.optional<std::string>(1);
  const auto confirmed_at = arguments.optional<std::int64_t>(2);
  check_email(email);
  if (phc)
    static_cast<void>(parse_phc(*phc));

  identity::begin_account_write();
  const AsOwner owner;
  const Uuid user = random_uuid();
  {
    Spi spi;
    const std::optional<Bytes> sealed = phc ? std::optional(seal_password(spi, user, *phc)) : std::nullopt;
    const Bytes secret = seal_vote_secret(spi, user, VoteSecret::generate());
    if (spi.write(insert_user, {value(user), value(std::string_view(email)),
                            sealed ? value(ByteView(*sealed)) : Value{}, value(confirmed_at), value(ByteView(secret))}).affected() == 0)
      throw Error(Errc::duplicate_object, "an account with this e-mail address exists already");
  }
  return uuid_result(user);
}
