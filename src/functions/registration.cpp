#include "functions/mail.hpp"
#include "pg/identity.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

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
    std::optional<std::string> phc = password_hash(*password);
    if (!phc)
      return register_row(fcinfo, "busy");
    order.password_hash = std::move(*phc);
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
  if (password) {
    std::optional<Account> account = hold_account(spi, found->user);
    const PasswordCheck check = account ? check_own_password(spi, account, *password) : PasswordCheck::wrong;
    if (check != PasswordCheck::right) // the link stays good for another try
      return row_result(fcinfo, {value(status_of(check)), {}});
  }
  if (!use_token(spi, *found))
    return row_result(fcinfo, {value(std::string_view("invalid")), {}});
  confirm_account(spi, found->user, password.has_value());
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
  std::optional<Account> account = found ? use_token(spi, *found) : std::nullopt;
  if (!account)
    return log_in_row(fcinfo, {"invalid_credentials", {}, {}, {}});
  if (!account->confirmed) { // the link proves the address, and nothing else
    confirm_account(spi, account->id, false);
    account->second_factor = false;
  }
  return log_in_row(fcinfo, finish_log_in(spi, *account, device));
}
