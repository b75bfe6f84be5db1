// Votes and the ballots that wait, wherever they are kept: by this database, by an engine below that takes statements
// (Citus), or by other databases that are reached through PL/Proxy ("nodes", docs/scaling.md). Nothing else names these
// two tables.
#pragma once

#include "functions/records.hpp"

namespace roughly::vote_store {

struct SealedVote {
  Uuid question, voter_tag;
  Bytes receipt;
  Uuid ballot;
  Bytes sealed;
};

struct WaitingBallot {
  Uuid id;
  Bytes sealed;
};

struct FoundReceipt {
  std::size_t place; // of its question
  Bytes receipt;
};

// Whether this database keeps them, and all else of the questions, by itself.
bool here();
// Whether nodes keep them: then roughly_owner, as whom all of this runs, may not add votes here, which dumps preserve.
bool on_nodes();

// Keeps both, or neither. Errc::already_voted. On a node they stay even if this transaction is rolled back.
void add(pg::Spi &spi, const SealedVote &vote);

// Which of these questions the owner of the tags, one for each, has answered; in the order of the questions.
std::vector<FoundReceipt> find_receipts(pg::Spi &spi, const std::vector<Uuid> &questions, const std::vector<Uuid> &tags);

// Whether at least so many ballots wait.
bool waiting(pg::Spi &spi, const Uuid &question, std::int64_t least);

// Hands over every waiting ballot, which is thereby deleted; on a node, which takes no part in this transaction, when
// `discard` is called after it.
void take(pg::Spi &spi, const Uuid &question, const std::function<void(const Uuid &id, ByteView sealed)> &each);

// Deletes what was taken from a node, and nothing otherwise. Can be repeated.
void discard(pg::Spi &spi, const Uuid &question, const BallotBox &box);
void discard_here(pg::Spi &spi, const Uuid &question, const std::vector<Uuid> &ballots); // on the node

// Up to 1,000 of the waiting ballots with a higher id, by id.
std::vector<WaitingBallot> following(pg::Spi &spi, const Uuid &question, const Uuid &after);
// Unless it has been taken or replaced meanwhile.
void replace(pg::Spi &spi, const Uuid &question, const WaitingBallot &old, ByteView fresh);

// How many votes have no ballot waiting.
std::int64_t taken(pg::Spi &spi, const Uuid &question);

} // namespace roughly::vote_store
