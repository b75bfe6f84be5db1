// What a node does for the database whose votes it keeps: the other side of vote_store.
#include "functions/vote_store.hpp"
#include "pg/table.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

constinit Table known_keys{"keys", nullptr, {}};
constinit Statement select_version{"SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'roughly_auth'", {}};

// A database with a key seals and counts for itself: nobody gets its ballots from here.
void be_node() {
  if (!known_keys.all().empty())
    throw Error(Errc::not_open, "this database has a key of its own and keeps votes for no other", "A node is a database where nobody has an account.");
}

} // namespace

// Votes of a question are on node number(question) of as many as there are, a power of two: the first four bytes of its id.
ROUGHLY_FUNCTION(roughly_node_number) {
  const auto question = Arguments(fcinfo).get<Uuid>(0, "question");
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i)
    number = number << 8 | question[i];
  return UInt32GetDatum(number);
}

ROUGHLY_FUNCTION(roughly_node_status) {
  const AsOwner owner;
  Spi spi;
  be_node();
  return spi.read(select_version).copied(0, 1);
}

ROUGHLY_FUNCTION(roughly_node_add_vote) {
  const Arguments arguments(fcinfo);
  const AsOwner owner;
  Spi spi;
  be_node();
  vote_store::add(spi, {arguments.get<Uuid>(0, "question"), arguments.get<Uuid>(1, "voter_tag"), arguments.get<Bytes>(2, "receipt"),
                        arguments.get<Uuid>(3, "ballot"), arguments.get<Bytes>(4, "sealed")});
  return void_result();
}

ROUGHLY_FUNCTION(roughly_node_find_receipts) {
  const Arguments arguments(fcinfo);
  const auto questions = arguments.get<std::vector<Uuid>>(0, "questions"), tags = arguments.get<std::vector<Uuid>>(1, "voter_tags");
  if (questions.size() != tags.size())
    throw Error(Errc::invalid_argument, "questions and voter_tags must be as many");
  RowSet result(fcinfo);
  const AsOwner owner;
  Spi spi;
  be_node();
  for (const auto &[place, receipt] : vote_store::find_receipts(spi, questions, tags))
    result.put({value(questions[place]), value(ByteView(receipt))});
  return void_result();
}

ROUGHLY_FUNCTION(roughly_node_enough_ballots) {
  const Arguments arguments(fcinfo);
  const AsOwner owner;
  Spi spi;
  be_node();
  return BoolGetDatum(vote_store::waiting(spi, arguments.get<Uuid>(0, "question"), arguments.get<std::int64_t>(1, "at_least")));
}

ROUGHLY_FUNCTION(roughly_node_following_ballots) {
  const Arguments arguments(fcinfo);
  RowSet result(fcinfo);
  const AsOwner owner;
  Spi spi;
  be_node();
  for (const auto &[id, sealed] : vote_store::following(spi, arguments.get<Uuid>(0, "question"), arguments.get<Uuid>(1, "after")))
    result.put({value(id), value(ByteView(sealed))});
  return void_result();
}

ROUGHLY_FUNCTION(roughly_node_discard_ballots) {
  const Arguments arguments(fcinfo);
  const AsOwner owner;
  Spi spi;
  be_node();
  vote_store::discard_here(spi, arguments.get<Uuid>(0, "question"), arguments.get<std::vector<Uuid>>(1, "ballots"));
  return void_result();
}

ROUGHLY_FUNCTION(roughly_node_replace_ballot) {
  const Arguments arguments(fcinfo);
  const auto fresh = arguments.get<Bytes>(3, "fresh");
  const AsOwner owner;
  Spi spi;
  be_node();
  vote_store::replace(spi, arguments.get<Uuid>(0, "question"), {arguments.get<Uuid>(1, "ballot"), arguments.get<Bytes>(2, "sealed")}, fresh);
  return void_result();
}

ROUGHLY_FUNCTION(roughly_node_taken_votes) {
  const auto question = Arguments(fcinfo).get<Uuid>(0, "question");
  const AsOwner owner;
  Spi spi;
  be_node();
  return Int64GetDatum(vote_store::taken(spi, question));
}
