#include "core/password_hash.hpp"
#include "core/password_rules.hpp"

#include "functions/credentials.hpp"
#include "pg/identity.hpp"
#include "pg/text.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

constinit Statement ban_user{"UPDATE roughly.users SET banned_until = $2, updated_at = pg_catalog.now() WHERE id = $1", {UUIDOID, TIMESTAMPTZOID}};
constinit Statement block_password{"INSERT INTO roughly.password_blocklist (digest) VALUES ($1) ON CONFLICT DO NOTHING", {BYTEAOID}};
constinit Statement purge{
    "WITH expired AS MATERIALIZED (SELECT id FROM roughly.user_tokens WHERE expires_at < pg_catalog.now() LIMIT $1 FOR UPDATE SKIP LOCKED)"
    " DELETE FROM roughly.user_tokens WHERE id IN (SELECT id FROM expired)",
    {INT4OID}};
// Accounts whose address was never proved, once their link has expired.
constinit Statement purge_unconfirmed{
    "WITH stale AS MATERIALIZED (SELECT id FROM roughly.users u WHERE confirmed_at IS NULL AND inserted_at < pg_catalog.now() - interval '7 days'"
    "   AND NOT EXISTS (SELECT FROM roughly.user_tokens t WHERE t.user_id = u.id AND t.expires_at > pg_catalog.now())"
    "   LIMIT $1 FOR UPDATE SKIP LOCKED)"
    " DELETE FROM roughly.users WHERE id IN (SELECT id FROM stale)",
    {INT4OID}};
constinit Statement purge_failures{
    "WITH old AS MATERIALIZED (SELECT email_digest FROM roughly.login_failures"
    "   WHERE failures < 100 AND COALESCE(throttled_until, inserted_at) < pg_catalog.now() - interval '1 day' LIMIT $1 FOR UPDATE SKIP LOCKED)"
    " DELETE FROM roughly.login_failures WHERE email_digest IN (SELECT email_digest FROM old)",
    {INT4OID}};
constinit Statement select_audit{
    "SELECT on_date, action, user_id FROM roughly.audit_log WHERE $1 IS NULL OR user_id = $1 ORDER BY on_date, action, user_id", {UUIDOID}};

} // namespace

ROUGHLY_FUNCTION(roughly_admin_ban) {
  const Arguments arguments(fcinfo);
  const auto user = arguments.get<Uuid>(0, "user");
  const auto until = arguments.get<std::int64_t>(1, "until");
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  static_cast<void>(known_account(spi, user));
  spi.write(ban_user, {value(user), value(until)});
  static_cast<void>(end_sessions(spi, user, std::nullopt));
  audit(spi, "ban", user);
  return void_result();
}

ROUGHLY_FUNCTION(roughly_admin_unban) {
  const auto user = Arguments(fcinfo).get<Uuid>(0, "user");
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  static_cast<void>(known_account(spi, user));
  spi.write(ban_user, {value(user), {}});
  audit(spi, "unban", user);
  return void_result();
}

ROUGHLY_FUNCTION(roughly_admin_revoke_sessions) {
  const auto user = Arguments(fcinfo).get<Uuid>(0, "user");
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  static_cast<void>(known_account(spi, user));
  const std::vector<Uuid> ended = end_sessions(spi, user, std::nullopt);
  audit(spi, "revoke_sessions", user);
  return Int32GetDatum(static_cast<std::int32_t>(ended.size()));
}

ROUGHLY_FUNCTION(roughly_admin_unlock) {
  const auto user = Arguments(fcinfo).get<Uuid>(0, "user");
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  const TokenDigest digest = digest_of_email(spi, known_account(spi, user).email);
  forget_failures(spi, digest);
  audit(spi, "unlock", user);
  return void_result();
}

ROUGHLY_FUNCTION(roughly_admin_block_passwords) {
  const auto passwords = Arguments(fcinfo).get<std::vector<std::string>>(0, "passwords");
  const AsOwner owner;
  Spi spi;
  std::int64_t added = 0;
  for (const std::string &password : passwords) {
    if (password.size() > max_password_size)
      continue; // no account can have it
    const auto digest = blocklist_digest(to_nfc(view(password)));
    added += static_cast<std::int64_t>(spi.write(block_password, {value(ByteView(digest))}).affected());
    check_for_interrupts();
  }
  return Int64GetDatum(added);
}

ROUGHLY_FUNCTION(roughly_purge_expired) {
  const auto batch = Arguments(fcinfo).get<std::int32_t>(0, "batch");
  if (batch < 1)
    throw Error(Errc::invalid_argument, "batch must be at least 1");
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  std::size_t purged = 0;
  for (Statement *statement : {&purge, &purge_unconfirmed, &purge_failures})
    purged += spi.write(*statement, {value(batch)}).affected();
  return Int64GetDatum(static_cast<std::int64_t>(purged));
}

ROUGHLY_FUNCTION(roughly_audit) {
  const auto user = Arguments(fcinfo).optional<Uuid>(0);
  RowSet result(fcinfo);
  const AsOwner owner;
  Spi spi;
  const Rows rows = spi.read(select_audit, {value(user)});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto action = rows.get<std::string>(i, 2);
    const auto who = rows.optional<Uuid>(i, 3);
    result.put({value(rows.get<std::int32_t>(i, 1)), value(std::string_view(action)), value(who)});
  }
  return void_result();
}
