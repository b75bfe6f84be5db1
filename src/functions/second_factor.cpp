#include "core/bindings.hpp"
#include "core/totp.hpp"

#include "functions/credentials.hpp"
#include "pg/identity.hpp"
#include "pg/throttle.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

constexpr std::size_t recovery_codes = 10;
constexpr std::size_t recovery_code_bytes = 10; // 80 bits, 16 characters

constinit Statement upsert_factor{
    "INSERT INTO roughly.mfa_factors (id, user_id, sealed) VALUES ($1, $2, $3)"
    " ON CONFLICT (user_id) DO UPDATE SET id = excluded.id, sealed = excluded.sealed WHERE NOT mfa_factors.verified",
    {UUIDOID, UUIDOID, BYTEAOID}};
constinit Statement select_factor{"SELECT id, sealed, verified, last_used_step FROM roughly.mfa_factors WHERE user_id = $1 FOR UPDATE", {UUIDOID}};
constinit Statement use_factor{"UPDATE roughly.mfa_factors SET verified = true, last_used_step = $2 WHERE id = $1", {UUIDOID, INT8OID}};
constinit Statement delete_factor{"DELETE FROM roughly.mfa_factors WHERE user_id = $1", {UUIDOID}};
constinit Statement delete_codes{"DELETE FROM roughly.recovery_codes WHERE user_id = $1", {UUIDOID}};
constinit Statement insert_code{"INSERT INTO roughly.recovery_codes (user_id, code_digest) VALUES ($1, $2)", {UUIDOID, BYTEAOID}};
constinit Statement use_code{"DELETE FROM roughly.recovery_codes WHERE user_id = $1 AND code_digest = $2", {UUIDOID, BYTEAOID}};

std::int64_t unix_seconds() {
  return GetCurrentTimestamp() / USECS_PER_SEC + std::int64_t{POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE} * SECS_PER_DAY;
}

// Bound to the person; letters may be typed in any case and with blanks or dashes.
TokenDigest recovery_digest(Subkey<Purpose::token> key, const Uuid &user, std::string_view code) {
  Token token{user, {}};
  for (const char c : code)
    if (c != ' ' && c != '-')
      token.secret.push_back(static_cast<unsigned char>(c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c));
  return token_digest(key, "recovery", token);
}

struct Factor {
  Uuid id;
  SecretBytes secret;
  bool verified;
  std::int64_t last_step;
};

std::optional<Factor> find_factor(Spi &spi, const Uuid &user) {
  const Rows rows = spi.write(select_factor, {value(user)});
  if (rows.empty())
    return std::nullopt;
  const auto id = rows.get<Uuid>(0, 1);
  return Factor{id, keys::open<Purpose::factor>(spi, rows.get<Bytes>(0, 2), bound_to::factor(id)), rows.get<bool>(0, 3), rows.get<std::int64_t>(0, 4)};
}

// True for the code of the moment, once.
bool use_totp(Spi &spi, const Factor &factor, std::string_view code) {
  const std::optional<std::int64_t> step = match_totp(factor.secret, code, unix_seconds(), factor.last_step);
  if (step)
    spi.write(use_factor, {value(factor.id), value(*step)});
  return step.has_value();
}

bool use_recovery_code(Spi &spi, const Uuid &user, std::string_view code) {
  const auto digest_under = [&](Subkey<Purpose::token> key) { return recovery_digest(key, user, code); };
  for (const TokenDigest &digest : keys::every_digest<Purpose::token>(spi, digest_under))
    if (spi.write(use_code, {value(user), value(ByteView(digest))}).affected() > 0)
      return true;
  return false;
}

std::vector<std::string> new_recovery_codes(Spi &spi, const Uuid &user) {
  spi.write(delete_codes, {value(user)});
  std::vector<std::string> codes;
  for (std::size_t i = 0; i < recovery_codes; ++i) {
    SecretBytes random(recovery_code_bytes);
    randombytes_buf(random.data(), random.size());
    codes.push_back(to_base32(random));
    const TokenDigest digest = recovery_digest(keys::sealing(spi).subkey<Purpose::token>(), user, codes.back());
    spi.write(insert_code, {value(user), value(ByteView(digest))});
  }
  return codes;
}

} // namespace

ROUGHLY_FUNCTION(roughly_enroll_totp) {
  const Uuid user = identity::require_recent(identity::recent).user;
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  const Account account = hold_own_account(spi, user);
  const Uuid id = random_uuid();
  const SecretBytes secret = new_totp_secret();
  const Bytes sealed = seal(keys::sealing(spi).subkey<Purpose::factor>(), secret, bound_to::factor(id));
  if (spi.write(upsert_factor, {value(id), value(user), value(ByteView(sealed))}).affected() == 0)
    throw Error(Errc::duplicate_object, "this account has a second factor already", "Remove it first.");
  const std::string base32 = to_base32(secret), uri = totp_uri(secret, "Roughly", account.email);
  return row_result(fcinfo, {value(std::string_view(base32)), value(std::string_view(uri))});
}

ROUGHLY_FUNCTION(roughly_verify_totp) {
  const auto code = Arguments(fcinfo).get<std::string>(0, "code");
  const Uuid user = identity::require().user;
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  static_cast<void>(hold_own_account(spi, user));
  const std::optional<Factor> factor = find_factor(spi, user);
  if (!factor || factor->verified || !use_totp(spi, *factor, code))
    return row_result(fcinfo, {value(std::string_view("invalid_credentials")), {}});
  audit(spi, "enroll_totp", user);
  return row_result(fcinfo, {value(std::string_view("ok")), value(new_recovery_codes(spi, user))});
}

ROUGHLY_FUNCTION(roughly_remove_totp) {
  const Uuid user = identity::require_recent(identity::recent).user;
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  const bool had = spi.write(delete_factor, {value(user)}).affected() > 0;
  spi.write(delete_codes, {value(user)});
  if (had)
    audit(spi, "remove_totp", user);
  return BoolGetDatum(had);
}

ROUGHLY_FUNCTION(roughly_log_in_with_code) {
  const Arguments arguments(fcinfo);
  const auto token = arguments.get<std::string>(0, "token");
  const auto code = arguments.get<std::string>(1, "code");
  const Device device{arguments.optional<std::string>(2), {fcinfo->args[3].value, fcinfo->args[3].isnull}};
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  const std::optional<FoundToken> found = find_token(spi, TokenContext::second_factor, token);
  const std::optional<Account> account = found ? hold_account(spi, found->user) : std::nullopt;
  if (!account || account->banned)
    return log_in_row(fcinfo, {"invalid_credentials", {}, {}, {}});
  const TokenDigest digest = digest_of_email(spi, "code " + account->email);
  if (const std::optional<std::int64_t> wait = throttle::take(spi, digest, throttle::codes))
    return log_in_row(fcinfo, {"throttled", {}, {}, wait});
  const std::optional<Factor> factor = find_factor(spi, account->id);
  if (!factor || !(use_totp(spi, *factor, code) || use_recovery_code(spi, account->id, code)))
    return log_in_row(fcinfo, {"invalid_credentials", {}, {}, {}});
  if (!use_token(spi, *found))
    return log_in_row(fcinfo, {"invalid_credentials", {}, {}, {}});
  audit(spi, "log_in", account->id);
  return log_in_row(fcinfo, {"ok", open_session(spi, account->id, 2, device), account->id, {}});
}
