#include "core/password_hash.hpp"
#include "core/session_token.hpp"

#include "functions/credentials.hpp"
#include "pg/identity.hpp"
#include "pg/settings.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

constexpr std::string_view session_context = "session";

constinit Statement select_credentials{
    "SELECT id, hashed_password, confirmed_at IS NOT NULL FROM roughly.users"
    " WHERE email_normalized = pg_catalog.lower(pg_catalog.normalize($1, 'NFC'))",
    {TEXTOID}};
constinit Statement update_password{"UPDATE roughly.users SET hashed_password = $2 WHERE id = $1", {UUIDOID, BYTEAOID}};
// Networks, not addresses: /24 and /48.
constinit Statement insert_session{
    "INSERT INTO roughly.user_tokens (id, user_id, context, key_id, token_digest, user_agent, ip_prefix, expires_at)"
    " VALUES ($1, $2, 'session', $3, $4, $5,"
    "   pg_catalog.network(pg_catalog.set_masklen($6, CASE pg_catalog.family($6) WHEN 4 THEN 24 ELSE 48 END)),"
    "   pg_catalog.now() + interval '14 days') RETURNING expires_at",
    {UUIDOID, UUIDOID, INT4OID, BYTEAOID, TEXTOID, INETOID}};
constinit Statement select_sessions{
    "SELECT id, key_id, token_digest, authenticated_at, expires_at FROM roughly.user_tokens"
    " WHERE user_id = $1 AND context = 'session' AND expires_at > pg_catalog.clock_timestamp()",
    {UUIDOID}};
constinit Statement delete_session{"DELETE FROM roughly.user_tokens WHERE id = $1", {UUIDOID}};

// The session a token stands for. Every session of the person is compared in constant time; a wrong token is no error.
std::optional<identity::Identity> find_session(Spi &spi, std::string_view text) {
  const std::optional<Token> token = parse_token(text);
  if (!token)
    return std::nullopt;
  const Rows rows = spi.read_latest(select_sessions, {value(token->user)});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto key = static_cast<KeyId>(rows.get<std::int32_t>(i, 2));
    const auto stored = rows.get<Bytes>(i, 3);
    identity::Identity found{token->user, rows.get<Uuid>(i, 1), rows.get<std::int64_t>(i, 4), rows.get<std::int64_t>(i, 5), {}};
    found.digest = token_digest(keys::by_id(spi, key).subkey<Purpose::token>(), session_context, *token);
    if (stored.size() == found.digest.size() && sodium_memcmp(stored.data(), found.digest.data(), stored.size()) == 0)
      return found;
  }
  return std::nullopt;
}

// True when `password` is the account's. Works as hard for an account that does not exist or has no password, and for
// a password that cannot be one.
bool check_password(Spi &spi, const std::optional<Uuid> &user, const std::optional<Bytes> &sealed, ByteView password) {
  if (!user || !sealed || password.empty() || password.size() > max_password_size) {
    static_cast<void>(hash_password(view("nobody's password"), settings::argon2_cost()));
    return false;
  }
  const std::string phc = open_password(spi, *user, *sealed);
  check_for_interrupts();
  if (!verify_password(password, phc))
    return false;
  if (needs_rehash(phc, settings::argon2_cost())) {
    const Bytes renewed = seal_password(spi, *user, hash_password(password, settings::argon2_cost()));
    spi.write(update_password, {value(*user), value(ByteView(renewed))});
  }
  return true;
}

} // namespace

ROUGHLY_FUNCTION(roughly_log_in) {
  const Arguments arguments(fcinfo);
  const auto email = arguments.get<std::string>(0, "email");
  const auto password = arguments.get<SecretBytes>(1, "password");
  const auto user_agent = arguments.optional<std::string>(2);
  identity::begin_account_write();

  std::string token;
  std::optional<Uuid> user;
  const Uuid session = random_uuid();
  std::int64_t expires_at = 0;
  {
    const AsOwner owner;
    Spi spi;
    std::optional<Bytes> sealed;
    if (const Rows rows = spi.read_latest(select_credentials, {value(std::string_view(email))}); !rows.empty()) {
      user = rows.get<Uuid>(0, 1);
      sealed = rows.optional<Bytes>(0, 2);
    }
    if (!check_password(spi, user, sealed, password))
      return row_result(fcinfo, {value(std::string_view("invalid_credentials")), {}, {}, {}, {}});

    const Token fresh = issue_token(*user);
    const Key &key = keys::sealing(spi);
    const TokenDigest digest = token_digest(key.subkey<Purpose::token>(), session_context, fresh);
    const Rows rows = spi.write(
        insert_session, {value(session), value(*user), value(std::int32_t{key.id()}), value(ByteView(digest)),
                         user_agent ? value(std::string_view(*user_agent).substr(0, 256)) : Value{},
                         {fcinfo->args[3].value, fcinfo->args[3].isnull}});
    expires_at = rows.get<std::int64_t>(0, 1);
    token = encode_token(fresh);
  }
  return row_result(fcinfo, {value(std::string_view("ok")), value(std::string_view(token)), value(session), value(*user), value(expires_at)});
}

ROUGHLY_FUNCTION(roughly_authenticate) {
  const auto token = Arguments(fcinfo).get<std::string>(0, "session_token");
  std::optional<identity::Identity> found;
  {
    const AsOwner owner;
    Spi spi;
    found = find_session(spi, token);
  }
  if (found)
    identity::establish(*found);
  else if (identity::current() != nullptr)
    throw Error(Errc::other_identity, "another session is authenticated in this transaction");
  if (!found)
    return row_result(fcinfo, {{}, {}, {}, {}});
  return row_result(fcinfo, {value(found->user), value(found->session), value(found->authenticated_at), value(found->expires_at)});
}

ROUGHLY_FUNCTION(roughly_current_user) {
  const identity::Identity *now = identity::current();
  return now == nullptr ? null_result(fcinfo) : uuid_result(now->user);
}

ROUGHLY_FUNCTION(roughly_require_user) {
  return uuid_result(identity::require().user);
}

ROUGHLY_FUNCTION(roughly_sign_out_of_transaction) {
  identity::sign_out();
  return void_result();
}

ROUGHLY_FUNCTION(roughly_log_out) {
  const auto token = Arguments(fcinfo).get<std::string>(0, "session_token");
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  if (const std::optional<identity::Identity> found = find_session(spi, token)) {
    spi.write(delete_session, {value(found->session)});
    if (const identity::Identity *now = identity::current(); now != nullptr && now->session == found->session)
      identity::sign_out();
  }
  return void_result();
}
