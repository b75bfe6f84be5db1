// Who is acting in the running transaction. C++ state, never a setting: nobody can forge it with SET, and it ends with
// the transaction, whatever connection pooler stands in between.
#pragma once

#include "core/session_token.hpp"
#include "pg/bridge.hpp"

namespace roughly::pg::identity {

struct Identity {
  Uuid user;
  Uuid session;
  TimestampTz authenticated_at;
  TimestampTz expires_at;
  std::int16_t aal; // authenticator assurance level: 1, or 2 with a second factor
  TokenDigest digest; // tells whether a second authentication is the same one
};

void init(); // once, from _PG_init

// Holds until the transaction ends or the current savepoint is rolled back.
// Errc::other_identity when a different session is established already.
void establish(const Identity &identity);
void refuse_other(); // Errc::other_identity when anybody is established
void sign_out();

// Nothing when nobody is authenticated, and always nothing in a parallel worker.
const Identity *current() noexcept;
const Identity &require(); // Errc::unauthenticated
// Who proved themselves at most `microseconds` ago ("sudo"). Errc::not_recent.
const Identity &require_recent(std::int64_t microseconds);
inline constexpr std::int64_t recent = std::int64_t{10} * 60 * 1'000'000; // ten minutes

// A vote and a row that names its voter must never come from one transaction: equal xmin would link them.
// Errc::active_transaction when this transaction has written anything but votes.
void begin_vote();
// Errc::active_transaction when this transaction has cast a vote.
void begin_account_write();

} // namespace roughly::pg::identity
