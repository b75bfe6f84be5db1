#include "core/randomised_response.hpp"
#include "functions/records.hpp"
#include "pg/identity.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

constinit Statement insert_vote{"INSERT INTO roughly.votes (question_id, voter_tag, receipt) VALUES ($1, $2, $3)", {UUIDOID, UUIDOID, BYTEAOID}};
constinit Statement insert_ballot{"INSERT INTO roughly.ballots (question_id, id, sealed) VALUES ($1, $2, $3)", {UUIDOID, UUIDOID, BYTEAOID}};
constinit Statement select_question_ids{
    "SELECT id, prompt, choices FROM roughly.questions WHERE $1 IS NULL OR id = ANY ($1) ORDER BY opens_at, id", {UUIDARRAYOID}};
constinit Statement select_receipt{"SELECT receipt FROM roughly.votes WHERE question_id = $1 AND voter_tag = $2", {UUIDOID, UUIDOID}};

constexpr std::int64_t microseconds_per_day = std::int64_t{24} * 60 * 60 * 1'000'000;

void check_open(const Question &question, TimestampTz now) {
  if (question.over(now))
    throw Error(Errc::not_open, "the question is closed");
  if (now < question.opens_at)
    throw Error(Errc::not_open, "the question is not open yet", "roughly_questions() says when it opens.");
}

void check_entitled(const Question &question, const Voter &voter, TimestampTz now) {
  if (question.require_confirmed && !voter.confirmed)
    throw Error(Errc::not_entitled, "only confirmed accounts may answer this question", "Confirm the e-mail address first.");
  if (now - voter.inserted_at < question.min_account_age)
    throw Error(Errc::not_entitled, "this account is too young to answer this question", "Newer accounts may answer once they are old enough, while it is open.");
  if (question.opens_at < voter.votes_from)
    throw Error(Errc::not_entitled, "this question is older than this account, and its address had another one",
                "That account may have answered it; a vote is final.");
}

std::uint8_t find_choice(const Question &question, const std::string &choice) {
  const auto place = std::find(question.choices.begin(), question.choices.end(), choice);
  if (place != question.choices.end())
    return static_cast<std::uint8_t>(place - question.choices.begin());
  std::string list;
  for (const std::string &known : question.choices)
    list += (list.empty() ? "\"" : ", \"") + known + "\"";
  throw Error(Errc::invalid_argument, "this is not one of the question's choices", "Choices are " + list + ".");
}

// The unique index decides, also between two connections; its message would show the row.
void mark_voted(Spi &spi, const Uuid &question, const Uuid &tag, ByteView receipt) {
  try {
    spi.write(insert_vote, {value(question), value(tag), value(receipt)});
  } catch (const PgError &error) {
    if (error.sqlstate() != ERRCODE_UNIQUE_VIOLATION)
      throw;
    throw Error(Errc::already_voted, "this account has answered this question already", "A vote is final.");
  }
}

} // namespace

ROUGHLY_FUNCTION(roughly_cast_vote) {
  const Arguments arguments(fcinfo);
  const auto id = arguments.get<Uuid>(0, "question");
  const auto choice = arguments.get<std::string>(1, "choice");
  const Uuid user = identity::require().user;

  lock_question(id, QuestionLock::shared); // from here on nobody can close the question under us
  const AsOwner owner;
  Spi spi;
  const Question question = load_question(spi, id);
  const TimestampTz now = GetCurrentTimestamp();
  check_open(question, now);
  const std::uint8_t place = find_choice(question, choice);
  const Voter voter = load_voter(spi, user, question.dimensions);
  check_entitled(question, voter, now);
  const VoteSecret secret = open_vote_secret(spi, user, voter.sealed_vote_secret);
  const std::uint8_t sent =
      question.epsilon ? RandomisedResponse(*question.epsilon, question.choices.size()).respond(place, secret.draw(id)) : place;
  const Ballot ballot{sent, voter.confirmed, take_snapshot(voter, question.dimensions)};
  const std::uint8_t kept = question.receipts == "truth" ? place : question.receipts == "sent" ? sent : no_choice;
  const Bytes receipt = secret.seal_receipt(id, {kept, static_cast<std::int32_t>(now / microseconds_per_day)});
  identity::begin_vote();
  mark_voted(spi, id, secret.tag(id), receipt);

  const Uuid ballot_id = random_uuid();
  const Bytes sealed = seal_ballot(keys::sealing(spi).subkey<Purpose::ballot>(), id, ballot_id, ballot);
  spi.write(insert_ballot, {value(id), value(ballot_id), value(ByteView(sealed))});
  return void_result();
}

ROUGHLY_FUNCTION(roughly_my_answers) {
  const Uuid user = identity::require().user;
  RowSet result(fcinfo);
  const AsOwner owner;
  Spi spi;
  const VoteSecret secret = open_vote_secret(spi, user, load_voter(spi, user, {}).sealed_vote_secret);

  const Rows questions = spi.read(select_question_ids, {Value{fcinfo->args[0].value, fcinfo->args[0].isnull}});
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const auto id = questions.get<Uuid>(i, 1);
    const Rows found = spi.read(select_receipt, {value(id), value(secret.tag(id))});
    if (found.empty())
      continue;
    const Receipt receipt = secret.open_receipt(id, found.get<Bytes>(0, 1));
    const auto prompt = questions.get<std::string>(i, 2);
    const auto choices = questions.get<std::vector<std::string>>(i, 3);
    const bool kept = receipt.choice != no_choice;
    if (kept && receipt.choice >= choices.size())
      throw Error(Errc::corrupted, "a receipt names a choice that the question does not have");
    result.put({value(id), value(std::string_view(prompt)), kept ? value(std::string_view(choices[receipt.choice])) : Value{},
                Value{DateADTGetDatum(receipt.day), false}});
  }
  return void_result();
}
