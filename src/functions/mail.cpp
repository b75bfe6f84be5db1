#include "functions/mail.hpp"

#include "core/bindings.hpp"
#include "pg/identity.hpp"
#include "pg/throttle.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

constexpr std::uint8_t format = 0x01;
constexpr std::size_t order_size = 640; // every order has one length

constinit Statement insert_order{"INSERT INTO roughly.mail_outbox (id, sealed, locked_until) VALUES ($1, $2, pg_catalog.clock_timestamp())", {UUIDOID, BYTEAOID}};
// At least once: what is not reported as sent comes back after 1, 2, 4 ... 64 minutes.
constinit Statement take_orders{
    "WITH due AS MATERIALIZED (SELECT id, locked_until, ctid AS place FROM roughly.mail_outbox"
    "   WHERE locked_until <= pg_catalog.clock_timestamp() ORDER BY locked_until, ctid LIMIT $1 FOR UPDATE SKIP LOCKED),"
    " taken AS (UPDATE roughly.mail_outbox o SET attempts = attempts + 1,"
    "   locked_until = pg_catalog.now() + interval '1 minute' * pg_catalog.power(2, LEAST(attempts, 6))"
    "   FROM due WHERE o.id = due.id RETURNING o.id, sealed, attempts, due.locked_until, place)"
    " SELECT id, sealed, attempts FROM taken ORDER BY locked_until, place", // who registers and asks for a link gets both
    {INT4OID}};
constinit Statement delete_order{"DELETE FROM roughly.mail_outbox WHERE id = $1", {UUIDOID}};
constinit Statement return_order{"UPDATE roughly.mail_outbox SET attempts = attempts - 1, locked_until = pg_catalog.now() WHERE id = $1", {UUIDOID}};
constinit Statement hold_recipient{"SELECT FROM roughly.users WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED", {UUIDOID}};

SecretBytes pack(const MailOrder &order) {
  Writer<SecretBytes> out;
  out.u8(format);
  out.u8(static_cast<std::uint8_t>(order.kind));
  out.raw(order.user);
  out.text(order.recipient);
  out.text(order.password_hash);
  SecretBytes bytes = std::move(out).take();
  if (bytes.size() > order_size)
    throw Error(Errc::internal, "a mail order is too long");
  bytes.resize(order_size);
  return bytes;
}

MailOrder unpack(ByteView packed) {
  Reader in(packed);
  const std::uint8_t version = in.u8(), kind = in.u8();
  if (version != format || kind < 1 || kind > static_cast<std::uint8_t>(MailKind::password_changed))
    throw Error(Errc::corrupted, "a mail order has an unknown format");
  MailOrder order{static_cast<MailKind>(kind), {}, {}, {}};
  std::copy_n(in.raw(order.user.size()).begin(), order.user.size(), order.user.begin());
  order.recipient = in.text();
  order.password_hash = in.text();
  return order;
}

struct Mail {
  std::string_view kind;
  std::string recipient;
  std::optional<Issued> token;
};

Mail with_token(Spi &spi, std::string_view kind, TokenContext context, const Uuid &user, const std::string &recipient) {
  return {kind, recipient, issue_token_for(spi, context, user, recipient)};
}

Mail register_account(Spi &spi, const MailOrder &order) {
  const std::optional<Account> known = find_account(spi, order.recipient);
  if (known && known->confirmed)
    return {"someone_tried", known->email, {}};
  const std::optional<Uuid> created = known ? std::optional(known->id) : create_account(spi, order.recipient, std::nullopt);
  if (!created)
    return register_account(spi, order); // now it is known
  const Uuid user = *created;
  if (known)
    forget_setup(spi, user); // whoever registered before need not be who registers now
  else
    audit(spi, "register", user);
  if (!order.password_hash.empty())
    store_password(spi, user, order.password_hash);
  return with_token(spi, "confirm", TokenContext::confirm, user, order.recipient);
}

Mail with_token(Spi &spi, std::string_view kind, TokenContext context, const Account &account) {
  return with_token(spi, kind, context, account.id, account.email);
}

std::optional<Account> find_recipient(Spi &spi, const MailOrder &order) {
  return order.user == Uuid{} ? find_account(spi, order.recipient) : find_account(spi, order.user);
}

// Keeps the account as it is, where there is one. Never waits for it: with orders for several people in any sequence, that
// would be a deadlock.
bool try_hold_recipient(Spi &spi, const MailOrder &order) {
  const std::optional<Account> account = find_recipient(spi, order);
  return !account || !spi.write(hold_recipient, {value(account->id)}).empty();
}

bool is_ordered(Spi &spi, TokenContext context, const MailOrder &order) {
  return has_token(spi, context, order.user, order.recipient);
}

// What an order becomes; nothing when there is nobody to write to.
std::optional<Mail> fulfil(Spi &spi, const MailOrder &order) {
  switch (order.kind) {
  case MailKind::registration: return register_account(spi, order);
  case MailKind::email_change_requested: return Mail{"email_change_requested", order.recipient, {}};
  case MailKind::email_changed: return Mail{"email_changed", order.recipient, {}};
  case MailKind::password_changed: return Mail{"password_changed", order.recipient, {}};
  default: break;
  }
  const std::optional<Account> account = find_recipient(spi, order);
  if (!account || account->banned)
    return std::nullopt;
  switch (order.kind) {
  case MailKind::magic_link: return with_token(spi, "magic_link", TokenContext::login, *account);
  case MailKind::reset_password: return with_token(spi, "reset_password", TokenContext::reset_password, *account);
  case MailKind::reauthenticate:
    return is_ordered(spi, TokenContext::reauthenticate, order) ? std::optional(with_token(spi, "reauthenticate", TokenContext::reauthenticate, *account))
                                                                : std::nullopt;
  default:
    return is_ordered(spi, TokenContext::change_email, order)
               ? std::optional(with_token(spi, "change_email", TokenContext::change_email, account->id, order.recipient))
               : std::nullopt;
  }
}

void warn(const Uuid &id, const char *why) {
  const std::string order = to_text(id);
  call([&] { ereport(WARNING, (errmsg("mail order %s cannot be fulfilled: %s", order.c_str(), why), errhidestmt(true))); });
}

} // namespace

void roughly::order_mail(Spi &spi, const MailOrder &order) {
  const Uuid id = random_uuid();
  const Bytes sealed = seal(keys::sealing(spi).subkey<Purpose::mail>(), pack(order), bound_to::mail(id));
  spi.write(insert_order, {value(id), value(ByteView(sealed))});
}

bool roughly::order_mail_throttled(Spi &spi, const MailOrder &order) {
  const TokenDigest digest = digest_of_email(spi, "mail " + order.recipient);
  if (throttle::take(spi, digest, throttle::mails))
    return false;
  order_mail(spi, order);
  return true;
}

bool roughly::order_token(Spi &spi, const MailOrder &order, TokenContext context) {
  if (!order_mail_throttled(spi, order))
    return false;
  static_cast<void>(issue_token_for(spi, context, order.user, order.recipient)); // replaced when the mail is sent
  return true;
}

ROUGHLY_FUNCTION(roughly_dequeue_mail) {
  constexpr std::int32_t most_attempts = 10;
  const auto batch = Arguments(fcinfo).get<std::int32_t>(0, "batch");
  if (batch < 1 || batch > 1000)
    throw Error(Errc::invalid_argument, "batch must be from 1 to 1000");
  identity::begin_account_write();
  RowSet result(fcinfo);
  const AsOwner owner;
  Spi spi;
  const std::optional<MailerKey> mailer = keys::mailer_key();
  const Rows rows = spi.write(take_orders, {value(batch)});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto id = rows.get<Uuid>(i, 1);
    std::optional<Mail> mail;
    try {
      if (rows.get<std::int32_t>(i, 3) > most_attempts) {
        audit(spi, "mail_given_up", std::nullopt);
      } else {
        const MailOrder order = unpack(keys::open<Purpose::mail>(spi, rows.get<Bytes>(i, 2), bound_to::mail(id)));
        if (!try_hold_recipient(spi, order)) { // next time
          spi.write(return_order, {value(id)});
          continue;
        }
        mail = fulfil(spi, order);
      }
    } catch (const Error &error) { // one bad order does not keep the others
      warn(id, error.what());
      continue;
    }
    if (!mail) {
      spi.write(delete_order, {value(id)});
      continue;
    }
    std::optional<std::string> token;
    if (mail->token)
      token = mailer ? seal_for_mailer(*mailer, mail->token->token) : mail->token->token;
    result.put({value(id), value(mail->kind), value(std::string_view(mail->recipient)), token ? value(std::string_view(*token)) : Value{},
                mail->token ? value(mail->token->expires_at) : Value{}});
  }
  return void_result();
}

ROUGHLY_FUNCTION(roughly_mail_sent) {
  const auto id = Arguments(fcinfo).get<Uuid>(0, "id");
  const AsOwner owner;
  Spi spi;
  spi.write(delete_order, {value(id)});
  return void_result();
}
