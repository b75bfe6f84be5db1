#include "core/password_hash.hpp"

#include "functions/mail.hpp"
#include "functions/records.hpp"
#include "pg/identity.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

constinit Statement change_email{
    "UPDATE roughly.users SET email = $2, email_seal = $3, email_normalized = pg_catalog.lower(pg_catalog.normalize($2, 'NFC')),"
    "   confirmed_at = COALESCE(confirmed_at, pg_catalog.now()), updated_at = pg_catalog.now() WHERE id = $1",
    {UUIDOID, TEXTOID, BYTEAOID}};
constinit Statement delete_mailed_tokens{"DELETE FROM roughly.user_tokens WHERE user_id = $1 AND context <> 'session'", {UUIDOID}};
constinit Statement unname_events{"UPDATE roughly.audit_log SET user_id = NULL WHERE user_id = $1", {UUIDOID}};
constinit Statement delete_user{"DELETE FROM roughly.users WHERE id = $1", {UUIDOID}};
constinit Statement select_my_account{
    "SELECT u.id, u.email, u.confirmed_at, u.inserted_at, u.hashed_password IS NOT NULL,"
    "   EXISTS (SELECT FROM roughly.mfa_factors f WHERE f.user_id = u.id AND f.verified) FROM roughly.users u WHERE u.id = $1",
    {UUIDOID}};
// Everything about the person but secrets and answers; those come from their receipts.
constinit Statement export_account{
    "SELECT pg_catalog.jsonb_build_object("
    "   'account', (SELECT pg_catalog.jsonb_build_object('id', u.id, 'email', u.email, 'confirmed_at', u.confirmed_at, 'inserted_at', u.inserted_at)"
    "     FROM roughly.users u WHERE u.id = $1),"
    "   'profile', (SELECT pg_catalog.to_jsonb(p) - 'id' - 'user_id' FROM roughly.user_profiles p WHERE p.user_id = $1),"
    "   'sessions', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('id', t.id, 'started_on', t.inserted_at::date,"
    "       'last_used_on', t.last_used_on, 'expires_at', t.expires_at, 'user_agent', t.user_agent, 'network', t.ip_prefix)), '[]')"
    "     FROM roughly.user_tokens t WHERE t.user_id = $1 AND t.context = 'session'),"
    "   'events', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('on', a.on_date, 'action', a.action)), '[]')"
    "     FROM roughly.audit_log a WHERE a.user_id = $1),"
    "   'answers', $2::jsonb)",
    {UUIDOID, JSONBOID}};

// Keeps whoever registers the address again from voting twice, and forgets everything else.
void delete_account(Spi &spi, const Account &account) {
  leave_tombstone(spi, account);
  spi.write(delete_user, {value(account.id)});
  spi.write(unname_events, {value(account.id)});
  audit(spi, "delete_account", std::nullopt);
}

// False when the address is taken. Only the unique index can tell, also between two who take it at once; nobody is
// barred from questions for coming to an address that had another account: they keep their own votes.
bool move_to(Spi &spi, const Uuid &user, std::string_view email) {
  const Bytes email_seal = seal_email(spi, user, email);
  try {
    Subtransaction attempt;
    spi.write(change_email, {value(user), value(email), value(ByteView(email_seal))});
    attempt.commit();
    return true;
  } catch (const PgError &error) {
    if (error.sqlstate() != ERRCODE_UNIQUE_VIOLATION)
      throw;
    return false;
  }
}

} // namespace

ROUGHLY_FUNCTION(roughly_admin_import_user) {
  const Arguments arguments(fcinfo);
  const auto email = arguments.get<std::string>(0, "email");
  const auto hash = arguments.optional<std::string>(1);
  const auto confirmed_at = arguments.optional<std::int64_t>(2);
  if (email.size() > longest_email)
    throw Error(Errc::value_too_long, "the e-mail address is longer than 160 bytes");
  if (!is_email(email))
    throw Error(Errc::invalid_argument, "this is not an e-mail address", "Expected is something@something, without blanks.");
  if (hash)
    check_password_hash(*hash);

  identity::begin_account_write();
  const AsOwner owner;
  std::optional<Uuid> user;
  {
    Spi spi;
    user = create_account(spi, email, confirmed_at);
    if (!user)
      throw Error(Errc::duplicate_object, "an account with this e-mail address exists already");
    if (hash)
      store_password(spi, *user, *hash);
  }
  return uuid_result(*user);
}

ROUGHLY_FUNCTION(roughly_my_account) {
  const Uuid user = identity::require().user;
  const AsOwner owner;
  Spi spi;
  const Rows rows = spi.read(select_my_account, {value(user)});
  if (rows.empty())
    throw Error(Errc::unauthenticated, "the authenticated account no longer exists");
  const auto email = rows.get<std::string>(0, 2);
  return row_result(fcinfo, {value(user), value(std::string_view(email)), value(rows.optional<std::int64_t>(0, 3)),
                             value(rows.get<std::int64_t>(0, 4)), value(rows.get<bool>(0, 5)), value(rows.get<bool>(0, 6))});
}

ROUGHLY_FUNCTION(roughly_export_my_data) {
  const Uuid user = identity::require().user;
  const AsOwner owner;
  Datum copy = 0;
  {
    Spi spi;
    const Rows rows = spi.read(export_account, {value(user), {fcinfo->args[0].value, fcinfo->args[0].isnull}});
    copy = rows.copied(0, 1);
  }
  return copy;
}

ROUGHLY_FUNCTION(roughly_request_email_change) {
  const auto email = Arguments(fcinfo).get<std::string>(0, "new_email");
  const Uuid user = identity::require_recent(identity::recent).user;
  identity::begin_account_write();
  if (!is_email(email))
    return text_result("invalid_email");
  const AsOwner owner;
  Spi spi;
  const Account account = hold_own_account(spi, user);
  if (order_token(spi, {MailKind::change_email, user, email, {}}, TokenContext::change_email))
    order_mail(spi, {MailKind::email_change_requested, user, account.email, {}});
  return text_result("check_email");
}

ROUGHLY_FUNCTION(roughly_change_email) {
  const auto token = Arguments(fcinfo).get<std::string>(0, "token");
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  const std::optional<FoundToken> found = find_token(spi, TokenContext::change_email, token);
  const std::optional<Account> account = found ? use_token(spi, *found) : std::nullopt;
  if (!account || !move_to(spi, account->id, found->sent_to))
    return text_result("invalid");
  leave_tombstone(spi, *account);
  spi.write(delete_mailed_tokens, {value(account->id)});
  order_mail(spi, {MailKind::email_changed, account->id, account->email, {}});
  audit(spi, "change_email", account->id);
  return text_result("ok");
}

ROUGHLY_FUNCTION(roughly_delete_account) {
  const auto password = Arguments(fcinfo).optional<SecretBytes>(0);
  const Uuid user = identity::require_recent(identity::recent).user;
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  std::optional<Account> account = hold_own_account(spi, user);
  if (account->sealed_password) {
    const PasswordCheck check = check_own_password(spi, account, password.value_or(SecretBytes{}));
    if (check != PasswordCheck::right)
      return text_result(status_of(check));
  }
  delete_account(spi, *account);
  identity::sign_out();
  return text_result("ok");
}

ROUGHLY_FUNCTION(roughly_admin_delete_user) {
  const auto user = Arguments(fcinfo).get<Uuid>(0, "user");
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  delete_account(spi, known_account(spi, user));
  return void_result();
}
