#include "functions/credentials.hpp"
#include "pg/identity.hpp"
#include "pg/procedure.hpp"
#include "pg/table.hpp"
#include "pg/throttle.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

constinit Table tokens{"user_tokens", "user_tokens_user_id",
                       {"context", "expires_at", "id", "key_id", "token_digest", "previous_digest", "rotated_at", "inserted_at", "authenticated_at", "aal"}};
constexpr std::int64_t grace = std::int64_t{60} * 1'000'000; // of a replaced token, for requests under way during a re-issue
constexpr std::int64_t reissued_after = std::int64_t{7} * 24 * 60 * 60 * 1'000'000;

constinit Statement delete_session{"DELETE FROM roughly.user_tokens WHERE user_id = $1 AND id = $2 AND context = 'session'", {UUIDOID, UUIDOID}};
constinit Statement reissue_session{
    "UPDATE roughly.user_tokens SET key_id = $3, previous_digest = token_digest, token_digest = $4, rotated_at = pg_catalog.now(),"
    "   last_used_on = CURRENT_DATE, expires_at = LEAST(not_after, pg_catalog.now() + (expires_at - COALESCE(rotated_at, inserted_at)))"
    " WHERE user_id = $1 AND id = $2 AND token_digest = $5 RETURNING expires_at",
    {UUIDOID, UUIDOID, INT4OID, BYTEAOID, BYTEAOID}};
constinit Statement select_own_sessions{
    "SELECT id, aal, inserted_at::date, last_used_on, expires_at, user_agent, ip_prefix::text FROM roughly.user_tokens"
    " WHERE user_id = $1 AND context = 'session' AND expires_at > pg_catalog.now() ORDER BY inserted_at, id",
    {UUIDOID}};

// Failed log-ins of an address, whether it has an account or not: 5 are free, then 30 seconds doubling to an hour; after
// 100 in a row the password is no longer accepted until it is reset by mail (NIST SP 800-63B-4, section 3.2.2).
constexpr std::int32_t most_failures = 100;
constinit Statement select_failures{
    "SELECT failures, (EXTRACT(epoch FROM throttled_until - pg_catalog.clock_timestamp()) * 1000000)::int8"
    " FROM roughly.login_failures WHERE email_digest = $1",
    {BYTEAOID}};
constinit Statement count_failure{
    "INSERT INTO roughly.login_failures AS f (email_digest, failures) VALUES ($1, 1)"
    " ON CONFLICT (email_digest) DO UPDATE SET failures = f.failures + 1, throttled_until = CASE WHEN f.failures >= 5"
    "   THEN pg_catalog.clock_timestamp() + LEAST(interval '1 hour', interval '30 seconds' * pg_catalog.power(2, LEAST(f.failures - 5, 7))) END",
    {BYTEAOID}};
constinit Statement uncount_failure{
    "WITH gone AS (DELETE FROM roughly.login_failures WHERE email_digest = $1 AND failures = 1)"
    " UPDATE roughly.login_failures SET failures = failures - 1, throttled_until = NULL WHERE email_digest = $1 AND failures > 1",
    {BYTEAOID}};

struct Session {
  identity::Identity identity;
  bool current; // the token is the last one issued
  bool due;     // for a new token
};

bool equal(const std::optional<Bytes> &stored, const TokenDigest &digest) {
  return stored && stored->size() == digest.size() && sodium_memcmp(stored->data(), digest.data(), digest.size()) == 0;
}

// The key of a session that has not ended; nullptr for other rows, and where it is lost: that must not keep the others out.
const Key *key_of(const Table::Row &row, TimestampTz now) {
  if (row.get<std::string>(1) != "session" || row.get<std::int64_t>(2) <= now)
    return nullptr;
  const auto id = static_cast<KeyId>(row.get<std::int32_t>(4));
  if (const Key *key = keys::at_hand(id))
    return key;
  const AsOwner owner;
  Spi spi(Spi::Mode::deferred);
  return keys::find(spi, id);
}

// Citus sends parts of a query on distributed tables to other nodes, in connections that serve whoever comes next.
void refuse_between_nodes() {
  if (application_name != nullptr && std::string_view(application_name).starts_with("citus_internal"))
    throw Error(Errc::not_supported, "nobody can be authenticated in a connection between Citus nodes",
                "Call roughly_authenticate() in a statement of its own, not in a query on distributed tables.");
}

// The session a row with a key is, if a token with this digest stands for it.
std::optional<Session> session_of(const Table::Row &row, const Uuid &user, const TokenDigest &digest,
                                  bool accept_replaced, TimestampTz now) {
  const std::optional<std::int64_t> rotated_at = row.optional<std::int64_t>(7);
  const bool current = equal(row.get<Bytes>(5), digest);
  const bool graced = accept_replaced || (rotated_at && now - *rotated_at < grace);
  if (!current && !(graced && equal(row.optional<Bytes>(6), digest)))
    return std::nullopt;
  return Session{
      {user, row.get<Uuid>(3), row.get<std::int64_t>(9), row.get<std::int64_t>(2), row.get<std::int16_t>(10), digest},
      current,
      now - rotated_at.value_or(row.get<std::int64_t>(8)) > reissued_after};
}

// What this backend knows of a token that it has lately seen: whose it is, what is stored of it, and where.
struct Known {
  TokenDigest text;
  Uuid user;
  TokenDigest digest;
  ItemPointerData place;
};
constinit std::array<Known, 256> known_tokens{}; // each where the first byte of its text's digest says

// The session a token stands for, also by a token that has been replaced. A wrong token is no error.
std::optional<Session> find_session(std::string_view text, bool accept_replaced) {
  if (text.size() != token_characters)
    return std::nullopt;
  const TimestampTz now = GetCurrentTimestamp();
  const TokenDigest seen = text_digest(text);
  Known &known = known_tokens[seen[0]];
  if (known.text == seen)
    for (const Table::Row &row : tokens.find_at(known.place, known.user))
      if (key_of(row, now) != nullptr)
        if (std::optional<Session> found = session_of(row, known.user, known.digest, accept_replaced, now))
          return found;
  const std::optional<Token> token = parse_token(text);
  if (!token)
    return std::nullopt;
  for (const Table::Row &row : tokens.find(token->user))
    if (const Key *key = key_of(row, now)) {
      const TokenDigest digest = token_digest(key->subkey<Purpose::token>(), "session", *token);
      if (std::optional<Session> found = session_of(row, token->user, digest, accept_replaced, now)) {
        known = {seen, token->user, digest, row.place()};
        return found;
      }
    }
  return std::nullopt;
}

// A client's network: a /64, or an IPv4 address, also one mapped into IPv6 as servers with one socket for both see it.
TokenDigest network_digest(Datum ip) {
  static constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr std::size_t ipv4 = 4, ipv6 = 16, network = 8;
  const auto *address = static_cast<const inet *>(call([&] { return static_cast<void *>(DatumGetInetPP(ip)); }));
  ByteView bytes(ip_addr(address), ip_family(address) == PGSQL_AF_INET ? ipv4 : ipv6);
  if (bytes.size() == ipv6)
    bytes = std::equal(mapped.begin(), mapped.end(), bytes.begin()) ? bytes.last(ipv4) : bytes.first(network);
  TokenDigest digest;
  crypto_generichash(digest.data(), digest.size(), bytes.data(), bytes.size(), nullptr, 0);
  return digest;
}

// A log-in by password, in two steps so that the attempt can be committed before the password is looked at.
class Attempt {
public:
  explicit Attempt(FunctionCallInfo fcinfo) {
    const Arguments arguments(fcinfo);
    email_ = arguments.get<std::string>(0, "email");
    if (email_.size() > longest_email)
      email_.clear(); // nobody's
    password_ = arguments.get<SecretBytes>(1, "password");
    device_ = {arguments.optional<std::string>(2), {fcinfo->args[3].value, fcinfo->args[3].isnull}};
    identity::begin_account_write();
  }

  // Says no to who comes too often.
  std::optional<LogIn> refuse(Spi &spi) {
    digest_ = digest_of_email(spi, email_);
    std::optional<std::int64_t> wait;
    if (!device_.ip.null)
      wait = throttle::take(spi, network_digest(device_.ip.datum), throttle::network);
    if (!wait)
      wait = throttle::take(spi, digest_, throttle::log_ins);
    const Rows failures = spi.read_latest(select_failures, {value(ByteView(digest_))});
    if (!wait && !failures.empty() && failures.optional<std::int64_t>(0, 2).value_or(0) > 0)
      wait = failures.optional<std::int64_t>(0, 2);
    disabled_ = !failures.empty() && failures.get<std::int32_t>(0, 1) >= most_failures;
    return wait ? std::optional(LogIn{"throttled", {}, {}, wait}) : std::nullopt;
  }

  void count(Spi &spi) {
    spi.write(count_failure, {value(ByteView(digest_))});
    counted_ = true;
  }

  LogIn check(Spi &spi) {
    std::optional<Account> account = find_account(spi, email_);
    const PasswordCheck check = check_password(spi, account, password_);
    if (check == PasswordCheck::busy) { // the password was not looked at
      if (counted_)
        spi.write(uncount_failure, {value(ByteView(digest_))});
      throttle::refund(spi, digest_, throttle::log_ins);
      return {"busy", {}, {}, {}};
    }
    if (check == PasswordCheck::wrong || disabled_) {
      if (!counted_)
        count(spi);
      return {"invalid_credentials", {}, {}, {}};
    }
    forget_failures(spi, digest_);
    throttle::refund(spi, digest_, throttle::log_ins);
    return finish_log_in(spi, *account, device_);
  }

private:
  std::string email_;
  SecretBytes password_;
  Device device_;
  TokenDigest digest_{};
  bool disabled_ = false, counted_ = false;
};

} // namespace

ROUGHLY_FUNCTION(roughly_log_in) {
  Attempt attempt(fcinfo);
  const AsOwner owner;
  Spi spi;
  const std::optional<LogIn> refusal = attempt.refuse(spi);
  return log_in_row(fcinfo, refusal ? *refusal : attempt.check(spi));
}

ROUGHLY_FUNCTION(roughly_log_in_committed) {
  Attempt attempt(fcinfo);
  Procedure procedure(fcinfo);
  const std::optional<LogIn> refusal = procedure.commit([&](Spi &spi) {
    std::optional<LogIn> no = attempt.refuse(spi);
    if (!no)
      attempt.count(spi);
    return no;
  });
  return log_in_row(fcinfo, refusal ? *refusal : procedure.commit([&](Spi &spi) { return attempt.check(spi); }));
}

ROUGHLY_FUNCTION(roughly_authenticate) {
  const std::string token = Arguments(fcinfo).optional<std::string>(0).value_or(""); // null is as wrong as any
  refuse_between_nodes();
  const std::optional<Session> found = find_session(token, false);
  if (found)
    identity::establish(found->identity);
  else
    identity::refuse_other();
  if (!found)
    return row_result(fcinfo, {{}, {}, {}, {}, {}, {}});
  const identity::Identity &now = found->identity;
  return row_result(fcinfo, {value(now.user), value(now.session), value(now.authenticated_at), value(now.expires_at), value(now.aal), value(found->due)});
}

ROUGHLY_FUNCTION(roughly_current_user) {
  const identity::Identity *now = identity::current();
  return now == nullptr ? null_result(fcinfo) : uuid_result(now->user);
}

ROUGHLY_FUNCTION(roughly_current_session) {
  const identity::Identity *now = identity::current();
  return now == nullptr ? null_result(fcinfo) : uuid_result(now->session);
}

ROUGHLY_FUNCTION(roughly_require_user) {
  return uuid_result(identity::require().user);
}

ROUGHLY_FUNCTION(roughly_require_sudo) {
  const Arguments arguments(fcinfo);
  if (arguments.is_null(0))
    throw Error(Errc::null_argument, "max_age must not be null");
  const Interval *age = DatumGetIntervalP(fcinfo->args[0].value);
  constexpr std::int64_t century = std::int64_t{36525} * USECS_PER_DAY; // no session is as old
  const double microseconds = static_cast<double>(age->time) + (age->day + 30.0 * age->month) * static_cast<double>(USECS_PER_DAY);
  return uuid_result(identity::require_recent(static_cast<std::int64_t>(std::clamp(microseconds, -1.0, static_cast<double>(century)))).user);
}

ROUGHLY_FUNCTION(roughly_sign_out_of_transaction) {
  identity::sign_out();
  return void_result();
}

ROUGHLY_FUNCTION(roughly_reissue_session) {
  const auto old = Arguments(fcinfo).get<std::string>(0, "session_token");
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  const std::optional<Session> found = find_session(old, true);
  if (!found)
    return row_result(fcinfo, {{}, {}});
  const Uuid user = found->identity.user, session = found->identity.session;
  if (!found->current) { // a replaced token: a retry within the minute, or somebody's copy
    if (!find_session(old, false)) {
      spi.write(delete_session, {value(user), value(session)});
      audit(spi, "token_reuse", user);
    }
    return row_result(fcinfo, {{}, {}});
  }
  const Token token = issue_token(user);
  const Key &key = keys::sealing(spi);
  const TokenDigest digest = token_digest(key.subkey<Purpose::token>(), "session", token);
  const Rows rows = spi.write(reissue_session, {value(user), value(session), value(std::int32_t{key.id()}), value(ByteView(digest)),
                                                value(ByteView(found->identity.digest))});
  if (rows.empty()) // somebody else has just replaced the token
    return row_result(fcinfo, {{}, {}});
  const std::string fresh = encode_token(token);
  return row_result(fcinfo, {value(std::string_view(fresh)), value(rows.get<std::int64_t>(0, 1))});
}

ROUGHLY_FUNCTION(roughly_log_out) {
  const auto token = Arguments(fcinfo).get<std::string>(0, "session_token");
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  if (const std::optional<Session> found = find_session(token, true)) {
    spi.write(delete_session, {value(found->identity.user), value(found->identity.session)});
    if (const identity::Identity *now = identity::current(); now != nullptr && now->session == found->identity.session)
      identity::sign_out();
  }
  return void_result();
}

ROUGHLY_FUNCTION(roughly_log_out_everywhere) {
  const auto keep_current = Arguments(fcinfo).get<bool>(0, "keep_current");
  const identity::Identity now = identity::require();
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  const std::vector<Uuid> ended = end_sessions(spi, now.user, keep_current ? std::optional(now.session) : std::nullopt);
  audit(spi, "log_out_everywhere", now.user);
  if (!keep_current)
    identity::sign_out();
  return uuids_result(ended);
}

ROUGHLY_FUNCTION(roughly_my_sessions) {
  const identity::Identity now = identity::require();
  RowSet result(fcinfo);
  const AsOwner owner;
  Spi spi;
  const Rows rows = spi.read(select_own_sessions, {value(now.user)});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto id = rows.get<Uuid>(i, 1);
    const auto agent = rows.optional<std::string>(i, 6), prefix = rows.optional<std::string>(i, 7);
    result.put({value(id), value(id == now.session), value(rows.get<std::int16_t>(i, 2)), value(rows.get<std::int32_t>(i, 3)),
                value(rows.optional<std::int32_t>(i, 4)), value(rows.get<std::int64_t>(i, 5)),
                agent ? value(std::string_view(*agent)) : Value{}, prefix ? value(std::string_view(*prefix)) : Value{}});
  }
  return void_result();
}

ROUGHLY_FUNCTION(roughly_revoke_session) {
  const auto session = Arguments(fcinfo).get<Uuid>(0, "session_id");
  const Uuid user = identity::require().user;
  identity::begin_account_write();
  const AsOwner owner;
  Spi spi;
  return BoolGetDatum(spi.write(delete_session, {value(user), value(session)}).affected() > 0);
}
