#include "functions/credentials.hpp"

#include "functions/records.hpp"

#include "core/bindings.hpp"
#include "core/password_hash.hpp"
#include "core/password_rules.hpp"
#include "pg/hash_gate.hpp"
#include "pg/settings.hpp"
#include "pg/text.hpp"
#include "pg/throttle.hpp"

namespace roughly {
namespace {

using pg::Rows;
using pg::Spi;
using pg::Statement;
using pg::value;
using pg::Value;

constexpr std::string_view session_context = "session";

#define ACCOUNT_COLUMNS                                                                                                \
  "id, email, hashed_password, confirmed_at IS NOT NULL, COALESCE(banned_until > pg_catalog.now(), false),"            \
  " EXISTS (SELECT FROM roughly.mfa_factors f WHERE f.user_id = u.id AND f.verified), email_seal"
constinit Statement select_account_by_email{
    "SELECT " ACCOUNT_COLUMNS " FROM roughly.users u WHERE email_normalized = pg_catalog.lower(pg_catalog.normalize($1, 'NFC'))", {TEXTOID}};
constinit Statement select_account{"SELECT " ACCOUNT_COLUMNS " FROM roughly.users u WHERE id = $1", {UUIDOID}};
constinit Statement lock_account{"SELECT " ACCOUNT_COLUMNS " FROM roughly.users u WHERE id = $1 FOR NO KEY UPDATE", {UUIDOID}};
#undef ACCOUNT_COLUMNS
constinit Statement insert_user{
    "INSERT INTO roughly.users (id, email, email_normalized, email_seal, confirmed_at, vote_secret)"
    " VALUES ($1, $2, pg_catalog.lower(pg_catalog.normalize($2, 'NFC')), $5, $3, $4) ON CONFLICT (email_normalized) DO NOTHING",
    {UUIDOID, TEXTOID, TIMESTAMPTZOID, BYTEAOID, BYTEAOID}};
constinit Statement normalize_email{"SELECT pg_catalog.lower(pg_catalog.normalize($1, 'NFC'))", {TEXTOID}};
constinit Statement update_password{
    "UPDATE roughly.users SET hashed_password = $2, password_changed_at = pg_catalog.now(), updated_at = pg_catalog.now() WHERE id = $1",
    {UUIDOID, BYTEAOID}};
constinit Statement select_blocked{"SELECT FROM roughly.password_blocklist WHERE digest = $1", {BYTEAOID}};
constinit Statement upsert_token{
    "INSERT INTO roughly.user_tokens (id, user_id, context, key_id, token_digest, sent_to, expires_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, pg_catalog.now() + $7)"
    " ON CONFLICT (user_id, context) WHERE context <> 'session' DO UPDATE SET id = excluded.id, key_id = excluded.key_id,"
    "   token_digest = excluded.token_digest, sent_to = excluded.sent_to, expires_at = excluded.expires_at, inserted_at = pg_catalog.now()"
    " RETURNING expires_at",
    {UUIDOID, UUIDOID, TEXTOID, INT4OID, BYTEAOID, TEXTOID, INTERVALOID}};
constinit Statement select_token{
    "SELECT id, key_id, token_digest, COALESCE(sent_to, '') FROM roughly.user_tokens"
    " WHERE user_id = $1 AND context = $2 AND expires_at > pg_catalog.clock_timestamp()",
    {UUIDOID, TEXTOID}};
constinit Statement select_ordered{
    "SELECT FROM roughly.user_tokens WHERE user_id = $1 AND context = $2 AND sent_to = $3 AND expires_at > pg_catalog.clock_timestamp()",
    {UUIDOID, TEXTOID, TEXTOID}};
// Whoever registered an address need not be who owns it.
constinit Statement confirm_user{
    "UPDATE roughly.users SET confirmed_at = COALESCE(confirmed_at, pg_catalog.now()), updated_at = pg_catalog.now(),"
    "   hashed_password = CASE WHEN $2 THEN hashed_password END WHERE id = $1",
    {UUIDOID, BOOLOID}};
constinit Statement drop_factors{"DELETE FROM roughly.mfa_factors WHERE user_id = $1", {UUIDOID}};
constinit Statement drop_recovery_codes{"DELETE FROM roughly.recovery_codes WHERE user_id = $1", {UUIDOID}};
constinit Statement drop_profile{"DELETE FROM roughly.user_profiles WHERE user_id = $1", {UUIDOID}};
constinit Statement delete_token_by_id{"DELETE FROM roughly.user_tokens WHERE id = $1", {UUIDOID}};
// Networks, not addresses: /24 and /48. A session with a second factor lasts a day (NIST SP 800-63B-4, AAL2).
constinit Statement insert_session{
    "INSERT INTO roughly.user_tokens (id, user_id, context, key_id, token_digest, aal, user_agent, ip_prefix, last_used_on, expires_at, not_after)"
    " SELECT $1, $2, 'session', $3, $4, $5, $6,"
    "   pg_catalog.network(pg_catalog.set_masklen($7, CASE pg_catalog.family($7) WHEN 4 THEN 24 ELSE 48 END)), CURRENT_DATE,"
    "   pg_catalog.now() + CASE $5 WHEN 2 THEN interval '1 day' ELSE interval '14 days' END, pg_catalog.now() + CASE $5 WHEN 2 THEN interval '1 day' ELSE interval '30 days' END"
    " RETURNING expires_at",
    {UUIDOID, UUIDOID, INT4OID, BYTEAOID, INT2OID, TEXTOID, INETOID}};
constinit Statement delete_sessions{
    "WITH gone AS (DELETE FROM roughly.user_tokens WHERE user_id = $1 AND ($2 IS NULL OR id <> $2) RETURNING id, context)"
    " SELECT id FROM gone WHERE context = 'session'",
    {UUIDOID, UUIDOID}};
constinit Statement update_session{
    "UPDATE roughly.user_tokens SET key_id = $3, token_digest = $4, previous_digest = NULL, rotated_at = pg_catalog.now(),"
    "   authenticated_at = CASE WHEN $5 THEN pg_catalog.clock_timestamp() ELSE authenticated_at END, last_used_on = CURRENT_DATE,"
    "   expires_at = LEAST(not_after, pg_catalog.now() + (expires_at - COALESCE(rotated_at, inserted_at)))"
    " WHERE user_id = $1 AND id = $2 AND context = 'session' RETURNING expires_at",
    {UUIDOID, UUIDOID, INT4OID, BYTEAOID, BOOLOID}};
constinit Statement bar_questions{
    "UPDATE roughly.users SET votes_from = pg_catalog.clock_timestamp()"
    " WHERE id = $1 AND EXISTS (SELECT FROM roughly.tombstones WHERE email_digest = $2)",
    {UUIDOID, BYTEAOID}};
constinit Statement delete_failures{"DELETE FROM roughly.login_failures WHERE email_digest = $1", {BYTEAOID}};
constinit Statement insert_tombstone{"INSERT INTO roughly.tombstones (email_digest) VALUES ($1) ON CONFLICT DO NOTHING", {BYTEAOID}};
constinit Statement insert_audit{"INSERT INTO roughly.audit_log (action, user_id) VALUES ($1, $2)", {TEXTOID, UUIDOID}};

constexpr std::size_t longest_user_agent = 256; // bytes
constexpr std::int64_t minute = std::int64_t{60} * 1'000'000, hour = 60 * minute, day = 24 * hour;

struct ContextRule {
  std::string_view name;
  std::int64_t lifetime;
};

ContextRule rule_of(TokenContext context) {
  switch (context) {
  case TokenContext::confirm: return {"confirm", 7 * day};
  case TokenContext::login: return {"login", 15 * minute};
  case TokenContext::reset_password: return {"reset_password", hour};
  case TokenContext::change_email: return {"change_email", day};
  case TokenContext::reauthenticate: return {"reauthenticate", 10 * minute};
  case TokenContext::second_factor: break;
  }
  return {"second_factor", 5 * minute};
}

std::optional<Account> read_account(Spi &spi, const Rows &rows) {
  if (rows.empty())
    return std::nullopt;
  Account account{rows.get<Uuid>(0, 1), rows.get<std::string>(0, 2), rows.optional<Bytes>(0, 3),
                  rows.get<bool>(0, 4), rows.get<bool>(0, 5), rows.get<bool>(0, 6)};
  static_cast<void>(pg::keys::open<Purpose::email>(spi, rows.get<Bytes>(0, 7), bound_to::email(account.id, account.email)));
  return account;
}

std::string normalized(Spi &spi, std::string_view email) {
  return spi.read_latest(normalize_email, {value(email)}).get<std::string>(0, 1);
}

Value interval_value(std::int64_t microseconds) {
  auto *interval = static_cast<Interval *>(pg::call(palloc0, sizeof(Interval)));
  interval->time = microseconds;
  return {PointerGetDatum(interval), false};
}

} // namespace

std::optional<Account> find_account(Spi &spi, std::string_view email) {
  return read_account(spi, spi.read_latest(select_account_by_email, {value(email)}));
}

std::optional<Account> find_account(Spi &spi, const Uuid &id) {
  return read_account(spi, spi.read_latest(select_account, {value(id)}));
}

std::optional<Account> hold_account(Spi &spi, const Uuid &id) {
  return read_account(spi, spi.write(lock_account, {value(id)}));
}

Account hold_own_account(Spi &spi, const Uuid &id) {
  std::optional<Account> account = hold_account(spi, id);
  if (!account)
    throw Error(Errc::unauthenticated, "the authenticated account no longer exists");
  return std::move(*account);
}

std::optional<Uuid> create_account(Spi &spi, std::string_view email, const std::optional<TimestampTz> &confirmed_at) {
  const Uuid user = random_uuid();
  const Bytes secret = seal_vote_secret(spi, user, VoteSecret::generate());
  const Bytes email_seal = seal_email(spi, user, email);
  if (spi.write(insert_user, {value(user), value(email), value(confirmed_at), value(ByteView(secret)), value(ByteView(email_seal))}).affected() == 0)
    return std::nullopt;
  bar_earlier_questions(spi, user, email);
  return user;
}

Account known_account(Spi &spi, const Uuid &id) {
  std::optional<Account> account = hold_account(spi, id);
  if (!account)
    throw Error(Errc::unknown_object, "there is no account " + to_text(id));
  return std::move(*account);
}

bool is_email(std::string_view email) noexcept {
  const std::size_t at = email.find('@');
  static constexpr std::string_view separators = ",;<>()[]\"\\\x7f";
  const auto separates = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || separators.find(c) != std::string_view::npos; };
  return email.size() <= longest_email && at != 0 && at != std::string_view::npos && at + 1 < email.size() &&
         email.find('@', at + 1) == std::string_view::npos && std::none_of(email.begin(), email.end(), separates);
}

Bytes seal_email(Spi &spi, const Uuid &user, std::string_view email) {
  return seal(pg::keys::sealing(spi).subkey<Purpose::email>(), {}, bound_to::email(user, email));
}

TokenDigest digest_of_email(Spi &spi, std::string_view email) {
  return email_digest(pg::keys::sealing(spi).subkey<Purpose::email>(), normalized(spi, email));
}

std::optional<std::string> password_hash(ByteView typed) {
  const std::optional<pg::ScopedLock> slot = pg::enter_hash_gate();
  if (!slot)
    return std::nullopt;
  return hash_password(pg::to_nfc(typed), pg::settings::argon2_cost());
}

bool same_password(ByteView one, ByteView other) {
  return pg::to_nfc(one) == pg::to_nfc(other);
}

void store_password(Spi &spi, const Uuid &user, std::string_view phc) {
  const Bytes sealed = seal(pg::keys::sealing(spi).subkey<Purpose::password>(), view(phc), bound_to::password(user));
  spi.write(update_password, {value(user), value(ByteView(sealed))});
}

std::vector<std::string> new_password_faults(Spi &spi, ByteView typed, std::string_view email, bool second_factor) {
  if (typed.size() > max_password_size)
    return {"too_long"};
  const SecretBytes password = pg::to_nfc(typed);
  std::vector<std::string> faults = password_faults(password, email, pg::settings::min_password_length(second_factor));
  const auto digest = blocklist_digest(password);
  if (!spi.read_latest(select_blocked, {value(ByteView(digest))}).empty())
    faults.emplace_back("common");
  return faults;
}

PasswordCheck check_password(Spi &spi, std::optional<Account> &account, ByteView typed) {
  const std::optional<pg::ScopedLock> slot = pg::enter_hash_gate();
  if (!slot)
    return PasswordCheck::busy;
  const auto work = [] { static_cast<void>(hash_password(view("nobody's password"), pg::settings::argon2_cost())); };
  if (typed.empty() || typed.size() > max_password_size) {
    work();
    return PasswordCheck::wrong;
  }
  const SecretBytes password = pg::to_nfc(typed);
  const bool differs = !std::equal(typed.begin(), typed.end(), password.begin(), password.end());
  if (!account || !account->sealed_password) {
    work();
    if (differs)
      work();
    return PasswordCheck::wrong;
  }
  const auto hash_of = [&](const Account &one) { return pg::keys::open<Purpose::password>(spi, *one.sealed_password, bound_to::password(one.id)); };
  const SecretBytes phc = hash_of(*account);
  // Another system may have hashed what was typed as it was.
  if (!verify_password(password, text_view(phc)) && !(differs && verify_password(typed, text_view(phc))))
    return PasswordCheck::wrong;
  std::optional<Account> now = hold_account(spi, account->id);
  if (!now || !now->sealed_password || hash_of(*now) != phc) // deleted or changed while we hashed
    return PasswordCheck::wrong;
  account = std::move(now);
  if (needs_rehash(text_view(phc), pg::settings::argon2_cost()))
    store_password(spi, account->id, hash_password(password, pg::settings::argon2_cost()));
  return PasswordCheck::right;
}

PasswordCheck check_own_password(Spi &spi, std::optional<Account> &account, ByteView typed) {
  const TokenDigest digest = digest_of_email(spi, account->email);
  if (pg::throttle::take(spi, digest, pg::throttle::log_ins))
    return PasswordCheck::throttled;
  const PasswordCheck check = check_password(spi, account, typed);
  if (check != PasswordCheck::wrong)
    pg::throttle::refund(spi, digest, pg::throttle::log_ins);
  return check;
}

std::string_view status_of(PasswordCheck check) {
  switch (check) {
  case PasswordCheck::right: return "ok";
  case PasswordCheck::busy: return "busy";
  case PasswordCheck::throttled: return "throttled";
  case PasswordCheck::wrong: break;
  }
  return "invalid_credentials";
}

void confirm_account(Spi &spi, const Uuid &user, bool proved) {
  spi.write(confirm_user, {value(user), value(proved)});
  if (proved)
    static_cast<void>(end_sessions(spi, user, std::nullopt));
  else
    forget_setup(spi, user);
}

void forget_setup(Spi &spi, const Uuid &user) {
  static_cast<void>(end_sessions(spi, user, std::nullopt));
  for (Statement *statement : {&drop_factors, &drop_recovery_codes, &drop_profile})
    spi.write(*statement, {value(user)});
}

bool has_token(Spi &spi, TokenContext context, const Uuid &user, std::string_view sent_to) {
  return !spi.read_latest(select_ordered, {value(user), value(rule_of(context).name), value(sent_to)}).empty();
}

Issued issue_token_for(Spi &spi, TokenContext context, const Uuid &user, std::string_view sent_to) {
  const ContextRule rule = rule_of(context);
  const Token token = issue_token(user);
  const Key &key = pg::keys::sealing(spi);
  const TokenDigest digest = token_digest(key.subkey<Purpose::token>(), rule.name, token);
  const Uuid id = random_uuid();
  const Rows rows = spi.write(upsert_token, {value(id), value(user), value(rule.name), value(std::int32_t{key.id()}),
                                             value(ByteView(digest)), value(sent_to), interval_value(rule.lifetime)});
  return {encode_token(token), rows.get<std::int64_t>(0, 1)};
}

std::optional<FoundToken> find_token(Spi &spi, TokenContext context, std::string_view text) {
  const std::optional<Token> token = parse_token(text);
  if (!token)
    return std::nullopt;
  const std::string_view name = rule_of(context).name;
  const Rows rows = spi.read_latest(select_token, {value(token->user), value(name)});
  if (rows.empty())
    return std::nullopt;
  const Key *key = pg::keys::find(spi, static_cast<KeyId>(rows.get<std::int32_t>(0, 2)));
  if (key == nullptr) // a token of a key that has been taken away
    return std::nullopt;
  const auto stored = rows.get<Bytes>(0, 3);
  const TokenDigest digest = token_digest(key->subkey<Purpose::token>(), name, *token);
  if (stored.size() != digest.size() || sodium_memcmp(stored.data(), digest.data(), digest.size()) != 0)
    return std::nullopt;
  return FoundToken{rows.get<Uuid>(0, 1), token->user, rows.get<std::string>(0, 4)};
}

std::optional<Account> use_token(Spi &spi, const FoundToken &token) {
  std::optional<Account> account = hold_account(spi, token.user);
  return account && spi.write(delete_token_by_id, {value(token.id)}).affected() > 0 ? std::move(account) : std::nullopt;
}

Opened open_session(Spi &spi, const Uuid &user, std::int16_t aal, const Device &device) {
  const Token token = issue_token(user);
  const Key &key = pg::keys::sealing(spi);
  const TokenDigest digest = token_digest(key.subkey<Purpose::token>(), session_context, token);
  const Uuid session = random_uuid();
  const Rows rows = spi.write(insert_session, {value(session), value(user), value(std::int32_t{key.id()}), value(ByteView(digest)), value(aal),
                                               device.user_agent ? value(shortened(*device.user_agent, longest_user_agent)) : Value{},
                                               device.ip});
  return {session, encode_token(token), rows.get<std::int64_t>(0, 1)};
}

std::vector<Uuid> end_sessions(Spi &spi, const Uuid &user, const std::optional<Uuid> &keep) {
  const Rows rows = spi.write(delete_sessions, {value(user), value(keep)});
  std::vector<Uuid> ended;
  for (std::size_t i = 0; i < rows.size(); ++i)
    ended.push_back(rows.get<Uuid>(i, 1));
  return ended;
}

Opened renew_session(Spi &spi, const Uuid &user, const Uuid &session, bool proved) {
  const Token token = issue_token(user);
  const Key &key = pg::keys::sealing(spi);
  const TokenDigest digest = token_digest(key.subkey<Purpose::token>(), session_context, token);
  const Rows rows = spi.write(update_session, {value(user), value(session), value(std::int32_t{key.id()}), value(ByteView(digest)), value(proved)});
  if (rows.empty())
    throw Error(Errc::unauthenticated, "the session has ended");
  return {session, encode_token(token), rows.get<std::int64_t>(0, 1)};
}

Datum log_in_row(FunctionCallInfo fcinfo, const LogIn &answer) {
  const std::optional<Opened> &opened = answer.opened;
  return pg::row_result(fcinfo, {value(answer.status), opened ? value(std::string_view(opened->token)) : Value{},
                                 opened && answer.status == "ok" ? value(opened->session) : Value{}, value(answer.user),
                                 opened ? value(opened->expires_at) : Value{},
                                 answer.retry_after ? interval_value(*answer.retry_after) : Value{}});
}

LogIn finish_log_in(Spi &spi, const Account &account, const Device &device) {
  if (account.banned)
    return {"banned", {}, {}, {}};
  if (account.second_factor) {
    const Issued issued = issue_token_for(spi, TokenContext::second_factor, account.id, {});
    return {"mfa_required", Opened{{}, issued.token, issued.expires_at}, account.id, {}};
  }
  audit(spi, "log_in", account.id);
  return {"ok", open_session(spi, account.id, 1, device), account.id, {}};
}

void bar_earlier_questions(Spi &spi, const Uuid &user, std::string_view email) {
  const std::string address = normalized(spi, email);
  const auto digest_under = [&](Subkey<Purpose::email> key) { return email_digest(key, address); };
  for (const TokenDigest &digest : pg::keys::every_digest<Purpose::email>(spi, digest_under))
    spi.write(bar_questions, {value(user), value(ByteView(digest))});
}

void forget_failures(Spi &spi, const TokenDigest &email) {
  spi.write(delete_failures, {value(ByteView(email))});
}

void leave_tombstone(Spi &spi, const Account &account) {
  if (!account.confirmed)
    return;
  const TokenDigest digest = digest_of_email(spi, account.email);
  spi.write(insert_tombstone, {value(ByteView(digest))});
}

void audit(Spi &spi, std::string_view action, const std::optional<Uuid> &user) {
  spi.write(insert_audit, {value(action), value(user)});
}

} // namespace roughly
