#include "core/random_stream.hpp"
#include "core/randomised_response.hpp"
#include "functions/past_answers.hpp"
#include "functions/vote_store.hpp"
#include "pg/identity.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

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

} // namespace

ROUGHLY_FUNCTION(roughly_cast_vote) {
  const Arguments arguments(fcinfo);
  const auto id = arguments.get<Uuid>(0, "question");
  const auto choice = arguments.get<std::string>(1, "choice");
  const Uuid user = identity::require().user;

  lock_question(id, QuestionLock::shared); // from here on nobody can close the question under us
  const AsOwner owner;
  Spi spi(Spi::Mode::deferred);
  const Question &question = load_question(spi, id);
  const TimestampTz now = GetCurrentTimestamp();
  check_open(question, now);
  const std::uint8_t place = find_choice(question, choice);
  Voter voter = load_voter(user, question.dimensions);
  check_entitled(question, voter, now);
  const VoteSecret secret = open_vote_secret(spi, user, voter.sealed_vote_secret);
  const auto today = static_cast<std::int32_t>(now / microseconds_per_day);
  const bool graded = reads_answers(question.dimensions);
  const std::vector<PastAnswer> answers = graded || question.witness_daily_votes ? past_answers(spi, secret, std::nullopt) : std::vector<PastAnswer>();
  if (graded)
    grade_answers(spi, voter, answers);
  const bool eligible = voter.confirmed && now - voter.inserted_at >= question.witness_account_age &&
                        (!question.witness_daily_votes || answers_on(answers, today) < static_cast<std::size_t>(*question.witness_daily_votes));
  const std::uint8_t sent =
      question.epsilon ? RandomisedResponse(*question.epsilon, question.choices.size()).respond(place, secret.draw(id)) : place;
  const Ballot ballot{sent, eligible, take_snapshot(voter, question.dimensions)};
  const std::uint8_t kept = question.receipts == "truth" ? place : question.receipts == "sent" ? sent : no_choice;
  RandomBytes<sizeof(Uuid) + Nonce::size> random;
  const Uuid tag = secret.tag(id), ballot_id = random_uuid(random.take<sizeof(Uuid)>());
  const Nonce receipt_nonce(random.take<Nonce::size>());
  identity::begin_vote();
  vote_store::add(spi, {id, tag, secret.seal_receipt(id, tag, {kept, today}, receipt_nonce), ballot_id,
                        seal_ballot(keys::sealing(spi).subkey<Purpose::ballot>(), id, ballot_id, ballot)});
  return void_result();
}

ROUGHLY_FUNCTION(roughly_my_answers) {
  const Uuid user = identity::require().user;
  std::optional<std::vector<Uuid>> only;
  if (!fcinfo->args[0].isnull)
    only = uuids_without_nulls(fcinfo->args[0].value);
  RowSet result(fcinfo);
  const AsOwner owner;
  Spi spi;
  const VoteSecret secret = open_vote_secret(spi, user, load_voter(user, {}).sealed_vote_secret);

  for (const PastAnswer &answer : past_answers(spi, secret, only))
    result.put({value(answer.question), Value{answer.prompt, false}, answer.choice(),
                Value{DateADTGetDatum(answer.receipt.day), false}});
  return void_result();
}
