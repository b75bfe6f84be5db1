// Accounts as those who prove who they are see them: passwords, tokens, sessions. Shared by every account function.
#pragma once

#include "core/session_token.hpp"
#include "pg/key_loader.hpp"

namespace roughly {

struct Account {
  Uuid id;
  std::string email; // as typed
  std::optional<Bytes> sealed_password;
  bool confirmed, banned, second_factor;
};
// Errc::corrupted when the address was changed by hand.
std::optional<Account> find_account(pg::Spi &spi, std::string_view email);
std::optional<Account> find_account(pg::Spi &spi, const Uuid &id);
// Keeps the account as it is to the end of the transaction: whoever bans, deletes or changes it waits, or has come first.
// Only for people who have proved themselves: for others it would be a write which tells who has an account. Comes before
// every other lock of the account's rows.
std::optional<Account> hold_account(pg::Spi &spi, const Uuid &id);
Account hold_own_account(pg::Spi &spi, const Uuid &id); // Errc::unauthenticated when it is gone

// A new account with a vote secret of its own; nothing when the address is taken, also by whoever is first at this moment.
std::optional<Uuid> create_account(pg::Spi &spi, std::string_view email, const std::optional<TimestampTz> &confirmed_at);
Account known_account(pg::Spi &spi, const Uuid &id); // holds it, for administrators. Errc::unknown_object

// What phx.gen.auth asks of an address: one @ between something and something, no blanks, separators or quoting, 160 bytes.
inline constexpr std::size_t longest_email = 160;
bool is_email(std::string_view email) noexcept;
// Binds an address to its account, under the email key: an address changed by hand gets no mail. An empty sealed value.
Bytes seal_email(pg::Spi &spi, const Uuid &user, std::string_view email);
// Stands for the address in throttles and tombstones; keyed.
TokenDigest digest_of_email(pg::Spi &spi, std::string_view email);

// Passwords. Typed ones are compared and hashed in NFC.
std::optional<std::string> password_hash(ByteView typed); // a fresh PHC string; nothing when hashing stays busy
bool same_password(ByteView one, ByteView other);
void store_password(pg::Spi &spi, const Uuid &user, std::string_view phc);
std::vector<std::string> new_password_faults(pg::Spi &spi, ByteView typed, std::string_view email, bool second_factor);
enum class PasswordCheck { right, wrong, busy, throttled };
std::string_view status_of(PasswordCheck check); // "ok", "invalid_credentials", "busy", "throttled"
// Works as hard for an account that does not exist or has no password. When it is right the account is held, and read again;
// it is hashed anew when its cost is low.
PasswordCheck check_password(pg::Spi &spi, std::optional<Account> &account, ByteView typed);
// For somebody who is logged in already: as many tries as for logging in.
PasswordCheck check_own_password(pg::Spi &spi, std::optional<Account> &account, ByteView typed);

// Tokens that are not sessions: one per person and context, the newest.
enum class TokenContext { confirm, login, reset_password, change_email, reauthenticate, second_factor };
struct Issued {
  std::string token;
  TimestampTz expires_at;
};
Issued issue_token_for(pg::Spi &spi, TokenContext context, const Uuid &user, std::string_view sent_to);
// Whether one that was issued for this address is still good.
bool has_token(pg::Spi &spi, TokenContext context, const Uuid &user, std::string_view sent_to);
struct FoundToken {
  Uuid id, user;
  std::string sent_to;
};
std::optional<FoundToken> find_token(pg::Spi &spi, TokenContext context, std::string_view text);
// Every such token is good once. Its account, held; nothing when somebody else has just used it or the account is gone.
std::optional<Account> use_token(pg::Spi &spi, const FoundToken &token);

// Sessions.
struct Opened {
  Uuid session;
  std::string token;
  TimestampTz expires_at;
};
struct Device { // what the client says of itself
  std::optional<std::string> user_agent;
  pg::Value ip;
};
Opened open_session(pg::Spi &spi, const Uuid &user, std::int16_t aal, const Device &device);
// Proves the address. Unless the password was proved too, it goes with all that was set up: whoever did it need not be the owner.
void confirm_account(pg::Spi &spi, const Uuid &user, bool proved);
// Sessions, tokens, second factor and profile of an account whose address nobody has proved.
void forget_setup(pg::Spi &spi, const Uuid &user);
// Ends the person's sessions but one, and every other token; the ids of the ended sessions.
std::vector<Uuid> end_sessions(pg::Spi &spi, const Uuid &user, const std::optional<Uuid> &keep);
// A new token for a session that goes on; the old one ends now. `proved`: the person has just proved themselves.
Opened renew_session(pg::Spi &spi, const Uuid &user, const Uuid &session, bool proved);

// What every function that opens a session answers.
struct LogIn {
  std::string_view status;
  std::optional<Opened> opened; // or what is needed for the second factor
  std::optional<Uuid> user;
  std::optional<std::int64_t> retry_after; // microseconds
};
Datum log_in_row(FunctionCallInfo fcinfo, const LogIn &answer);
// Opens a session, or asks for the second factor first; tells who is banned.
LogIn finish_log_in(pg::Spi &spi, const Account &account, const Device &device);

// Lifts what failed log-ins of an address have brought on it.
void forget_failures(pg::Spi &spi, const TokenDigest &email);

// Bars a new account from the questions of before when its address had another account, which may have answered them.
void bar_earlier_questions(pg::Spi &spi, const Uuid &user, std::string_view email);
// Whoever registers the address again is barred from the questions of before. Only for addresses that were proved, since
// anybody can register another's.
void leave_tombstone(pg::Spi &spi, const Account &account);

// Account events, dated by day.
void audit(pg::Spi &spi, std::string_view action, const std::optional<Uuid> &user);

} // namespace roughly
