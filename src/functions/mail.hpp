// Mail leaves through a sealed outbox. What an anonymous caller asks for is only written down: whether there is an
// account, and the token, come into being when the mailer dequeues. So the caller sees, writes and waits the same for
// every address.
#pragma once

#include "functions/credentials.hpp"

namespace roughly {

enum class MailKind : std::uint8_t {
  registration = 1, // -> confirm, or someone_tried
  magic_link,
  reset_password,
  change_email,     // to the new address
  reauthenticate,
  email_change_requested, // notices, without a token
  email_changed,
  password_changed,
};

struct MailOrder {
  MailKind kind;
  Uuid user{};               // all zero: found by the address when it is sent
  std::string recipient;
  std::string password_hash; // registration only; may be empty
};

void order_mail(pg::Spi &spi, const MailOrder &order);
// The same for whoever asks for mail; more than the address may get are quietly dropped. False when it was.
bool order_mail_throttled(pg::Spi &spi, const MailOrder &order);
// For a person who is known: the order is good as long as its token is, so that whatever ends the tokens ends it too.
bool order_token(pg::Spi &spi, const MailOrder &order, TokenContext context);

} // namespace roughly
