#include "functions/mail.hpp"
#include "pg/identity.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

// Whoever registered an address need not be who owns it: what an unproven registrant chose is dropped, unless the
// owner shows that they chose it.
constinit Statement confirm{
    "UPDATE roughly.users SET confirmed_at = COALESCE(confirmed_at, pg_catalog.now()), updated_at = pg_catalog.now(),"
    "   hashed_password = CASE WHEN $2 THEN hashed_password END WHERE id = $1",
    {UUIDOID, BOOLOID}};

Datum register_row(FunctionCallInfo fcinfo, std::string_view status, const std::vector<std::string> &reasons = {}) {
  return row_result(fcinfo, {value(status), value(reasons)});
}

} // namespace

ROUGHLY_FUNCTION(roughly_register_user) {
  const Arguments arguments(fcinfo);
  const auto email = arguments.get<std::string>(0, "email");
  const auto password = arguments.optional<SecretBytes>(1);
  identity::begin_account_write();
  if (!is_email(email))
    return register_row(fcinfo, "invalid_email");

  const AsOwner owner;
  Spi spi;
  MailOrder order{MailKind::registration, {}, email, {}};
  if (password) {
    if (const std::vector<std::string> faults = new_password_faults(spi, *password, email, false); !faults.empty())
      return register_row(fcinfo, "weak_password", faults);
    order.password_hash = password_hash(*password);
  }
  order_mail_throttled(spi, order);
  return register_row(fcinfo, "check_email");
}

ROUGHLY_FUNCTION(roughly_confirm_user) {
  const Arguments arguments(fcinfo);
  const auto token = arguments.get<std::string>(0, "token");
  const auto password = arguments.optional<SecretBytes>(1);
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  const std::optional<FoundToken> found = find_token(spi, TokenContext::confirm, token);
  if (!found)
    return row_result(fcinfo, {value(std::string_view("invalid")), {}});
  bool proven = false;
  if (password) {
    const PasswordCheck check = check_password(spi, find_account(spi, found->user), *password);
    if (check != PasswordCheck::right) // the link stays good for another try
      return row_result(fcinfo, {value(std::string_view(check == PasswordCheck::busy ? "busy" : "invalid_credentials")), {}});
    proven = true;
  }
  spi.write(confirm, {value(found->user), value(proven)});
  static_cast<void>(end_sessions(spi, found->user, std::nullopt)); // tokens of whoever else registered
  audit(spi, "confirm", found->user);
  return row_result(fcinfo, {value(std::string_view("ok")), value(found->user)});
}

ROUGHLY_FUNCTION(roughly_request_magic_link) {
  const auto email = Arguments(fcinfo).get<std::string>(0, "email");
  identity::begin_account_write();
  if (is_email(email)) {
    const AsOwner owner;
    Spi spi;
    order_mail_throttled(spi, {MailKind::magic_link, {}, email, {}});
  }
  return void_result();
}

ROUGHLY_FUNCTION(roughly_log_in_with_magic_link) {
  const Arguments arguments(fcinfo);
  const auto token = arguments.get<std::string>(0, "token");
  const Device device{arguments.optional<std::string>(1), {fcinfo->args[2].value, fcinfo->args[2].isnull}};
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  const std::optional<FoundToken> found = find_token(spi, TokenContext::login, token);
  const std::optional<Account> account = found ? find_account(spi, found->user) : std::nullopt;
  if (!account)
    return log_in_row(fcinfo, {"invalid_credentials", {}, {}, {}});
  delete_token(spi, found->id);
  if (!account->confirmed) { // the link proves the address, and nothing else
    spi.write(confirm, {value(account->id), value(false)});
    static_cast<void>(end_sessions(spi, account->id, std::nullopt));
  }
  return log_in_row(fcinfo, finish_log_in(spi, *account, device));
}
