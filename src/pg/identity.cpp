#include "pg/identity.hpp"

#include "pg/settings.hpp"

namespace roughly::pg::identity {
namespace {

// A stack, one entry for each subtransaction that changed who is acting; allocated in TopTransactionContext, which
// goes with the transaction.
struct Entry {
  Identity identity;
  bool signed_in;
  SubTransactionId owner;
  Entry *below;
};

constinit Entry *top = nullptr;
constinit bool has_voted = false; // kept through ROLLBACK TO: the rows stay on disk for a while

void push(const Identity &identity, bool signed_in) {
  const SubTransactionId owner = GetCurrentSubTransactionId();
  if (top == nullptr || top->owner != owner) {
    Entry *below = top;
    top = static_cast<Entry *>(call(MemoryContextAlloc, TopTransactionContext, sizeof(Entry)));
    top->below = below;
    top->owner = owner;
  }
  top->identity = identity;
  top->signed_in = signed_in;
}

void on_transaction_event(XactEvent event, void *) {
  switch (event) {
  case XACT_EVENT_PRE_PREPARE:
    if (current() != nullptr || has_voted)
      boundary([] {
        throw Error(Errc::not_supported, "a transaction with an authenticated user cannot be prepared",
                    "An identity ends with its transaction; commit instead.");
      });
    break;
  case XACT_EVENT_COMMIT:
  case XACT_EVENT_ABORT:
  case XACT_EVENT_PREPARE:
    top = nullptr;
    has_voted = false;
    break;
  default: break;
  }
}

void on_subtransaction_event(SubXactEvent event, SubTransactionId ending, SubTransactionId parent, void *) noexcept {
  if (top == nullptr || top->owner != ending)
    return;
  if (event == SUBXACT_EVENT_ABORT_SUB) {
    top = top->below;
  } else if (event == SUBXACT_EVENT_COMMIT_SUB) {
    top->owner = parent;
    if (top->below != nullptr && top->below->owner == parent)
      top->below = top->below->below;
  }
}

} // namespace

void init() {
  call([] {
    RegisterXactCallback(on_transaction_event, nullptr);
    RegisterSubXactCallback(on_subtransaction_event, nullptr);
  });
}

void establish(const Identity &identity) {
  if (const Identity *now = current(); now != nullptr && now->digest != identity.digest)
    refuse_other();
  push(identity, true);
}

void refuse_other() {
  if (current() != nullptr)
    throw Error(Errc::other_identity, "another session is authenticated in this transaction",
                "End the transaction first, or call roughly_sign_out_of_transaction().");
}

void sign_out() {
  if (current() != nullptr)
    push({}, false);
}

const Identity *current() noexcept {
  return top != nullptr && top->signed_in ? &top->identity : nullptr;
}

const Identity &require() {
  if (const Identity *now = current())
    return *now;
  throw Error(Errc::unauthenticated, "nobody is authenticated in this transaction",
              "Call roughly_authenticate(token) at the start of the transaction; an identity ends with it.");
}

const Identity &require_recent(std::int64_t microseconds) {
  const Identity &now = require();
  if (GetCurrentTimestamp() - now.authenticated_at > microseconds)
    throw Error(Errc::not_recent, "the session has not been proved recently enough for this",
                "Call roughly_reauthenticate(password), then authenticate with the token it returns.");
  return now;
}

void begin_vote() {
  if (!has_voted && settings::isolate_votes() && TransactionIdIsValid(GetTopTransactionIdIfAny()))
    throw Error(Errc::active_transaction, "a vote must not share its transaction with other writes",
                "Rows written together can be linked to each other. Authenticate and vote in a transaction of its own.");
  has_voted = true;
}

void begin_account_write() {
  if (has_voted && settings::isolate_votes())
    throw Error(Errc::active_transaction, "this transaction has cast a vote and must not write to accounts",
                "Rows written together can be linked to each other. Commit first.");
}

} // namespace roughly::pg::identity
