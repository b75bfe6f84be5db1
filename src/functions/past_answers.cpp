#include "functions/past_answers.hpp"

#include "core/answer_quality.hpp"
#include "functions/vote_store.hpp"
#include "pg/table.hpp"

namespace roughly {
namespace {

using pg::Rows;
using pg::Spi;
using pg::Statement;
using pg::value;

constinit pg::Table questions{"questions", "questions_pkey", {"id", "prompt", "choices", "opens_at"}};
constinit Statement select_questions{
    "SELECT id, prompt, choices, opens_at FROM roughly.questions WHERE $1 IS NULL OR id = ANY ($1)", {UUIDARRAYOID}};
constinit Statement count_asked{
    "SELECT pg_catalog.count(*) FROM roughly.questions"
    " WHERE opens_at <= pg_catalog.clock_timestamp() AND (closes_at IS NULL OR closes_at > $1)",
    {TIMESTAMPTZOID}};
constinit Statement select_contradictions{"SELECT question_id, choice, other_id, other_choice FROM roughly.contradictions", {}};

struct Asked {
  Uuid id;
  Datum prompt, choices;
  std::int64_t opens_at;
};

// In the order in which they opened.
std::vector<Asked> asked_questions(Spi &spi, const std::optional<std::vector<Uuid>> &only) {
  std::vector<Asked> asked;
  if (vote_store::here()) {
    for (const pg::Table::Row &row : only ? questions.find(*only) : questions.all())
      asked.push_back({row.get<Uuid>(1), row.datum(2), row.datum(3), row.get<std::int64_t>(4)});
  } else {
    const Rows rows = spi.read_latest(select_questions, {value(only)});
    for (std::size_t i = 0; i < rows.size(); ++i)
      asked.push_back({rows.get<Uuid>(i, 1), rows.copied(i, 2), rows.copied(i, 3), rows.get<std::int64_t>(i, 4)});
  }
  std::sort(asked.begin(), asked.end(), [](const Asked &one, const Asked &other) { return std::tie(one.opens_at, one.id) < std::tie(other.opens_at, other.id); });
  return asked;
}

std::size_t contradictions(Spi &spi, const std::vector<PastAnswer> &answers) {
  std::map<Uuid, std::string> chosen;
  for (const PastAnswer &answer : answers)
    if (const pg::Value choice = answer.choice(); !choice.null)
      chosen.emplace(answer.question, pg::from_datum<std::string>(choice.datum));
  const auto chose = [&](const Uuid &question, const std::string &choice) {
    const auto found = chosen.find(question);
    return found != chosen.end() && found->second == choice;
  };
  const Rows rows = spi.read_latest(select_contradictions);
  std::size_t count = 0;
  for (std::size_t i = 0; i < rows.size(); ++i)
    count += chose(rows.get<Uuid>(i, 1), rows.get<std::string>(i, 2)) && chose(rows.get<Uuid>(i, 3), rows.get<std::string>(i, 4));
  return count;
}

} // namespace

pg::Value PastAnswer::choice() const {
  if (receipt.choice == no_choice)
    return {};
  const pg::Value choice = pg::text_at(choices, receipt.choice);
  if (choice.null)
    throw Error(Errc::corrupted, "a receipt names a choice that the question does not have");
  return choice;
}

std::vector<PastAnswer> past_answers(Spi &spi, const VoteSecret &secret, std::optional<std::vector<Uuid>> only) {
  if (only) {
    std::sort(only->begin(), only->end());
    only->erase(std::unique(only->begin(), only->end()), only->end());
  }
  const std::vector<Asked> asked = asked_questions(spi, only);
  std::vector<Uuid> ids, tags;
  for (const Asked &question : asked) {
    ids.push_back(question.id);
    tags.push_back(secret.tag(question.id));
  }
  std::vector<PastAnswer> answers;
  for (const auto &[place, receipt] : vote_store::find_receipts(spi, ids, tags))
    answers.push_back(
        {ids[place], asked[place].prompt, asked[place].choices, secret.open_receipt(ids[place], tags[place], receipt)});
  return answers;
}

bool reads_answers(const std::vector<Dimension> &dimensions) {
  return std::any_of(dimensions.begin(), dimensions.end(), [](const Dimension &dimension) { return dimension.source == "answers"; });
}

void grade_answers(Spi &spi, Voter &voter, const std::vector<PastAnswer> &answers) {
  std::vector<std::uint8_t> places;
  for (const PastAnswer &answer : answers)
    if (answer.receipt.choice != no_choice)
      places.push_back(answer.receipt.choice);
  const auto asked = static_cast<std::size_t>(spi.read_latest(count_asked, {value(voter.inserted_at)}).get<std::int64_t>(0, 1));
  if (std::optional<std::string> grade = answer_grade(answer_pattern(places, asked, contradictions(spi, answers))))
    voter.values.emplace("answers", std::move(*grade));
}

std::size_t answers_on(const std::vector<PastAnswer> &answers, std::int32_t day) {
  return static_cast<std::size_t>(std::count_if(answers.begin(), answers.end(), [day](const PastAnswer &answer) { return answer.receipt.day == day; }));
}

} // namespace roughly
