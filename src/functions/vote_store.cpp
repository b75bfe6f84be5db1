#include "functions/vote_store.hpp"

#include "pg/table.hpp"

namespace roughly::vote_store {
namespace {

using pg::PgError;
using pg::Rows;
using pg::Spi;
using pg::Statement;
using pg::Table;
using pg::value;

constinit Table votes{"votes", "votes_pkey", {"question_id", "voter_tag", "receipt"}};
constinit Table ballots{"ballots", "ballots_pkey", {"question_id", "id", "sealed"}};

constinit Statement insert_vote{"INSERT INTO roughly.votes (question_id, voter_tag, receipt) VALUES ($1, $2, $3)", {UUIDOID, UUIDOID, BYTEAOID}};
constinit Statement insert_ballot{"INSERT INTO roughly.ballots (question_id, id, sealed) VALUES ($1, $2, $3)", {UUIDOID, UUIDOID, BYTEAOID}};
constinit Statement select_receipts{
    "SELECT t.place::int4, v.receipt FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) WITH ORDINALITY AS t (question_id, voter_tag, place)"
    " JOIN roughly.votes v USING (question_id, voter_tag) ORDER BY t.place",
    {UUIDARRAYOID, UUIDARRAYOID}};
constinit Statement enough_ballots{
    "SELECT pg_catalog.count(*) >= $2 FROM (SELECT FROM roughly.ballots WHERE question_id = $1 LIMIT $2) waiting", {UUIDOID, INT8OID}};
constinit Statement take_ballots{"DELETE FROM roughly.ballots WHERE question_id = $1 RETURNING id, sealed", {UUIDOID}};
constinit Statement delete_ballots{"DELETE FROM roughly.ballots WHERE question_id = $1 AND id = ANY ($2)", {UUIDOID, UUIDARRAYOID}};
constinit Statement select_ballots{
    "SELECT id, sealed FROM roughly.ballots WHERE question_id = $1 AND id > $2 ORDER BY id LIMIT 1000", {UUIDOID, UUIDOID}};
constinit Statement replace_ballot{
    "UPDATE roughly.ballots SET sealed = $4 WHERE question_id = $1 AND id = $2 AND sealed = $3", {UUIDOID, UUIDOID, BYTEAOID, BYTEAOID}};
constinit Statement count_taken{ // one statement, so that both are as of one moment
    "SELECT (SELECT pg_catalog.count(*) FROM roughly.votes WHERE question_id = $1)"
    "     - (SELECT pg_catalog.count(*) FROM roughly.ballots WHERE question_id = $1)",
    {UUIDOID}};

// The same on the node that keeps the question; roughly_partition() makes the functions.
constinit Statement add_on_node{"SELECT roughly.proxy_add_vote($1, $2, $3, $4, $5)", {UUIDOID, UUIDOID, BYTEAOID, UUIDOID, BYTEAOID}};
constinit Statement receipts_on_nodes{
    "SELECT t.place::int4, r.receipt FROM roughly.proxy_find_receipts($1, $2) r"
    " JOIN pg_catalog.unnest($1) WITH ORDINALITY AS t (question, place) USING (question) ORDER BY t.place",
    {UUIDARRAYOID, UUIDARRAYOID}};
constinit Statement enough_on_node{"SELECT roughly.proxy_enough_ballots($1, $2)", {UUIDOID, INT8OID}};
constinit Statement delete_on_node{"SELECT roughly.proxy_discard_ballots($1, $2)", {UUIDOID, UUIDARRAYOID}};
constinit Statement select_on_node{"SELECT id, sealed FROM roughly.proxy_following_ballots($1, $2)", {UUIDOID, UUIDOID}};
constinit Statement replace_on_node{"SELECT roughly.proxy_replace_ballot($1, $2, $3, $4)", {UUIDOID, UUIDOID, BYTEAOID, BYTEAOID}};
constinit Statement count_on_node{"SELECT roughly.proxy_taken_votes($1)", {UUIDOID}};

// What a node says is for whoever operates it; only that a vote is there already is for the voter.
Rows ask_node(const std::function<Rows()> &ask) {
  try {
    return ask();
  } catch (const PgError &error) {
    if (error.sqlstate() == ERRCODE_QUERY_CANCELED || error.sqlstate() == ERRCODE_UNIQUE_VIOLATION)
      throw;
    const char *why = error.what();
    pg::call([&] { ereport(LOG, (errmsg("a node failed: %s", why), errhidestmt(true), errhidecontext(true))); });
    throw Error(Errc::node_failed, "the database that keeps these votes has failed", "Try again. The server's log says what happened.");
  }
}

} // namespace

bool here() {
  return votes.plain();
}

bool on_nodes() {
  return !votes.insertable();
}

// The unique index decides, also between two connections; its message would show the row.
void add(Spi &spi, const SealedVote &vote) {
  const auto question = value(vote.question), tag = value(vote.voter_tag), receipt = value(ByteView(vote.receipt)), ballot = value(vote.ballot),
             sealed = value(ByteView(vote.sealed));
  try {
    if (!votes.insert({question, tag, receipt})) {
      if (on_nodes()) {
        ask_node([&] { return spi.write(add_on_node, {question, tag, receipt, ballot, sealed}); });
        return;
      }
      spi.write(insert_vote, {question, tag, receipt});
    }
  } catch (const PgError &error) {
    if (error.sqlstate() != ERRCODE_UNIQUE_VIOLATION)
      throw;
    throw Error(Errc::already_voted, "this account has answered this question already", "A vote is final.");
  }
  if (!ballots.insert({question, ballot, sealed}))
    spi.write(insert_ballot, {question, ballot, sealed});
}

std::vector<FoundReceipt> find_receipts(Spi &spi, const std::vector<Uuid> &questions, const std::vector<Uuid> &tags) {
  std::vector<FoundReceipt> receipts;
  if (here()) {
    constexpr std::size_t portion = 128; // what is found of one lies in the memory of the one before
    for (std::size_t i = 0; i < questions.size(); i += portion) {
      const pg::TemporaryContext scratch("roughly_auth receipts");
      const std::size_t size = std::min(portion, questions.size() - i);
      for (const Table::Row &row : votes.find(std::span(questions).subspan(i, size), std::span(tags).subspan(i, size)))
        receipts.push_back({i + row.position(), row.get<Bytes>(3)});
    }
    return receipts;
  }
  const auto select = [&](Statement &statement) { return spi.read_latest(statement, {value(questions), value(tags)}); };
  const Rows rows = on_nodes() ? ask_node([&] { return select(receipts_on_nodes); }) : select(select_receipts);
  for (std::size_t i = 0; i < rows.size(); ++i)
    receipts.push_back({static_cast<std::size_t>(rows.get<std::int32_t>(i, 1)) - 1, rows.get<Bytes>(i, 2)});
  return receipts;
}

bool waiting(Spi &spi, const Uuid &question, std::int64_t least) {
  if (ballots.plain())
    return ballots.has_at_least(question, least);
  const auto ask = [&](Statement &statement) { return spi.read_latest(statement, {value(question), value(least)}); };
  return (on_nodes() ? ask_node([&] { return ask(enough_on_node); }) : ask(enough_ballots)).get<bool>(0, 1);
}

void take(Spi &spi, const Uuid &question, const std::function<void(const Uuid &id, ByteView sealed)> &each) {
  if (ballots.plain()) {
    ballots.take(question, [&](const Table::Row &row) { each(row.get<Uuid>(2), row.get<Bytes>(3)); });
    return;
  }
  if (!on_nodes()) {
    spi.stream(take_ballots, {value(question)}, [&](const Rows &rows, std::size_t i) { each(rows.get<Uuid>(i, 1), rows.get<Bytes>(i, 2)); });
    return;
  }
  Uuid last{};
  for (std::vector<WaitingBallot> portion; !(portion = following(spi, question, last)).empty(); last = portion.back().id)
    for (const WaitingBallot &ballot : portion)
      each(ballot.id, ballot.sealed);
}

void discard(Spi &spi, const Uuid &question, const BallotBox &box) {
  constexpr std::size_t portion = 10'000;
  for (std::size_t i = 0; on_nodes() && i < box.size();) {
    const pg::TemporaryContext scratch("roughly_auth ballots");
    std::vector<Uuid> ids(std::min(portion, box.size() - i));
    for (Uuid &id : ids)
      std::copy_n(box.id(i++).begin(), id.size(), id.begin());
    ask_node([&] { return spi.write(delete_on_node, {value(question), value(ids)}); });
  }
}

void discard_here(Spi &spi, const Uuid &question, const std::vector<Uuid> &ids) {
  spi.write(delete_ballots, {value(question), value(ids)});
}

std::vector<WaitingBallot> following(Spi &spi, const Uuid &question, const Uuid &after) {
  const pg::TemporaryContext scratch("roughly_auth ballots");
  const auto select = [&](Statement &statement) { return spi.read_latest(statement, {value(question), value(after)}); };
  const Rows rows = on_nodes() ? ask_node([&] { return select(select_on_node); }) : select(select_ballots);
  std::vector<WaitingBallot> found;
  for (std::size_t i = 0; i < rows.size(); ++i)
    found.push_back({rows.get<Uuid>(i, 1), rows.get<Bytes>(i, 2)});
  return found;
}

void replace(Spi &spi, const Uuid &question, const WaitingBallot &old, ByteView fresh) {
  const auto write = [&](Statement &statement) {
    return spi.write(statement, {value(question), value(old.id), value(ByteView(old.sealed)), value(fresh)});
  };
  static_cast<void>(on_nodes() ? ask_node([&] { return write(replace_on_node); }) : write(replace_ballot));
}

std::int64_t taken(Spi &spi, const Uuid &question) {
  const auto count = [&](Statement &statement) { return spi.read_latest(statement, {value(question)}); };
  return (on_nodes() ? ask_node([&] { return count(count_on_node); }) : count(count_taken)).get<std::int64_t>(0, 1);
}

} // namespace roughly::vote_store
