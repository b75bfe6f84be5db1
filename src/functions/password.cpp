#include "core/password_hash.hpp"

#include "functions/mail.hpp"
#include "pg/identity.hpp"
#include "pg/hash_gate.hpp"
#include "pg/settings.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {


Datum changed_row(FunctionCallInfo fcinfo, std::string_view status, const std::vector<std::string> &reasons = {},
                  const std::string &token = {}, const std::vector<Uuid> &revoked = {}) {
  return row_result(fcinfo, {value(status), value(reasons), token.empty() ? Value{} : value(std::string_view(token)), value(revoked)});
}

Datum renewed_row(FunctionCallInfo fcinfo, Spi &spi) {
  const identity::Identity now = identity::require();
  const Opened renewed = renew_session(spi, now.user, now.session, true);
  audit(spi, "reauthenticate", now.user);
  identity::sign_out(); // the next authentication is with the new token
  return row_result(fcinfo, {value(std::string_view("ok")), value(std::string_view(renewed.token))});
}

} // namespace

ROUGHLY_FUNCTION(roughly_hash_password) {
  const auto password = Arguments(fcinfo).get<SecretBytes>(0, "password");
  const ScopedLock slot = require_hash_gate();
  return text_result(hash_password(password, settings::argon2_cost()));
}

ROUGHLY_FUNCTION(roughly_verify_password) {
  const Arguments arguments(fcinfo);
  const auto password = arguments.get<SecretBytes>(0, "password");
  const auto hash = arguments.get<std::string>(1, "hash");
  check_password_hash(hash);
  const ScopedLock slot = require_hash_gate();
  return BoolGetDatum(verify_password(password, hash));
}

ROUGHLY_FUNCTION(roughly_password_needs_rehash) {
  return BoolGetDatum(needs_rehash(Arguments(fcinfo).get<std::string>(0, "hash"), settings::argon2_cost()));
}

ROUGHLY_FUNCTION(roughly_change_password) {
  const Arguments arguments(fcinfo);
  const auto current = arguments.optional<SecretBytes>(0);
  const auto fresh = arguments.get<SecretBytes>(1, "new_password");
  const identity::Identity now = identity::require_recent(identity::recent);
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  std::optional<Account> account = hold_own_account(spi, now.user);
  if (account->sealed_password) {
    const PasswordCheck check = check_own_password(spi, account, current.value_or(SecretBytes{}));
    if (check != PasswordCheck::right)
      return changed_row(fcinfo, status_of(check));
    if (same_password(*current, fresh))
      return changed_row(fcinfo, "weak_password", {"unchanged"});
  }
  if (const std::vector<std::string> faults = new_password_faults(spi, fresh, account->email, account->second_factor); !faults.empty())
    return changed_row(fcinfo, "weak_password", faults);
  const std::optional<std::string> phc = password_hash(fresh);
  if (!phc)
    return changed_row(fcinfo, "busy");
  store_password(spi, account->id, *phc);
  const std::vector<Uuid> revoked = end_sessions(spi, account->id, now.session);
  const Opened renewed = renew_session(spi, account->id, now.session, true);
  order_mail(spi, {MailKind::password_changed, account->id, account->email, {}});
  audit(spi, "change_password", account->id);
  identity::sign_out();
  return changed_row(fcinfo, "ok", {}, renewed.token, revoked);
}

ROUGHLY_FUNCTION(roughly_request_password_reset) {
  const auto email = Arguments(fcinfo).get<std::string>(0, "email");
  identity::begin_account_write();
  if (is_email(email)) {
    const AsOwner owner;
    Spi spi;
    order_mail_throttled(spi, {MailKind::reset_password, {}, email, {}});
  }
  return void_result();
}

ROUGHLY_FUNCTION(roughly_reset_password) {
  const Arguments arguments(fcinfo);
  const auto token = arguments.get<std::string>(0, "token");
  const auto fresh = arguments.get<SecretBytes>(1, "new_password");
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  const std::optional<FoundToken> found = find_token(spi, TokenContext::reset_password, token);
  const std::optional<Account> account = found ? find_account(spi, found->user) : std::nullopt;
  if (!account)
    return changed_row(fcinfo, "invalid");
  if (const std::vector<std::string> faults = new_password_faults(spi, fresh, account->email, account->second_factor); !faults.empty())
    return changed_row(fcinfo, "weak_password", faults);
  const std::optional<std::string> phc = password_hash(fresh);
  if (!phc) // the link stays good for another try
    return changed_row(fcinfo, "busy");
  if (!use_token(spi, *found))
    return changed_row(fcinfo, "invalid");
  if (!account->confirmed)
    confirm_account(spi, account->id, false);
  store_password(spi, account->id, *phc);
  const std::vector<Uuid> revoked = end_sessions(spi, account->id, std::nullopt);
  const TokenDigest digest = digest_of_email(spi, account->email);
  forget_failures(spi, digest);
  order_mail(spi, {MailKind::password_changed, account->id, account->email, {}});
  audit(spi, "reset_password", account->id);
  return changed_row(fcinfo, "ok", {}, {}, revoked);
}

ROUGHLY_FUNCTION(roughly_reauthenticate) {
  const auto password = Arguments(fcinfo).get<SecretBytes>(0, "password");
  const Uuid user = identity::require().user;
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  std::optional<Account> account = hold_own_account(spi, user);
  const PasswordCheck check = check_own_password(spi, account, password);
  if (check != PasswordCheck::right)
    return row_result(fcinfo, {value(status_of(check)), {}});
  return renewed_row(fcinfo, spi);
}

ROUGHLY_FUNCTION(roughly_request_reauthentication) {
  const Uuid user = identity::require().user;
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  order_token(spi, {MailKind::reauthenticate, user, hold_own_account(spi, user).email, {}}, TokenContext::reauthenticate);
  return void_result();
}

ROUGHLY_FUNCTION(roughly_reauthenticate_with_code) {
  const auto code = Arguments(fcinfo).get<std::string>(0, "code");
  const Uuid user = identity::require().user;
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  const std::optional<FoundToken> found = find_token(spi, TokenContext::reauthenticate, code);
  if (!found || found->user != user || !use_token(spi, *found))
    return row_result(fcinfo, {value(std::string_view("invalid_credentials")), {}});
  return renewed_row(fcinfo, spi);
}
