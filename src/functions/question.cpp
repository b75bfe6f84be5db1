#include "core/randomised_response.hpp"
#include "functions/records.hpp"
#include "pg/settings.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

constexpr std::int64_t most_ballots = 1'000'000'000;

constinit Statement insert_question{
    "INSERT INTO roughly.questions (id, prompt, choices, dimensions, k, min_batch, growth, max_wait, max_dims, max_rank,"
    "   require_confirmed, min_account_age, opens_at, closes_at, policy_seal, epsilon, receipts, witness_account_age, witness_daily_votes)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
    {UUIDOID, TEXTOID, TEXTARRAYOID, BYTEAOID, INT4OID, INT4OID, FLOAT8OID, INTERVALOID, INT4OID, INT4OID, BOOLOID, INTERVALOID,
     TIMESTAMPTZOID, TIMESTAMPTZOID, BYTEAOID, FLOAT8OID, TEXTOID, INTERVALOID, INT4OID}};
constinit Statement check_times{
    "SELECT $1 > interval '0' AND $1 <= interval '100 years', $2 BETWEEN interval '0' AND interval '100 years',"
    "   $4 > COALESCE($3, pg_catalog.now()) AND $4 > pg_catalog.now(),"
    "   CASE WHEN $1 BETWEEN interval '0' AND interval '100 years' THEN (EXTRACT(epoch FROM $1) * 1000000)::int8 ELSE -1 END,"
    "   CASE WHEN $2 BETWEEN interval '0' AND interval '100 years' THEN (EXTRACT(epoch FROM $2) * 1000000)::int8 ELSE 0 END, COALESCE($3, pg_catalog.now()),"
    "   CASE WHEN $5 BETWEEN interval '0' AND interval '100 years' THEN (EXTRACT(epoch FROM $5) * 1000000)::int8 ELSE -1 END",
    {INTERVALOID, INTERVALOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INTERVALOID}};
// The row every reader can count on: the question's total, not published yet.
constinit Statement insert_empty_release{
    "INSERT INTO roughly.releases (question_id, view, release_no, cells) VALUES ($1, '{}', 0, $2)", {UUIDOID, BYTEAOID}};
constinit Statement insert_contradiction{
    "INSERT INTO roughly.contradictions (question_id, choice, other_id, other_choice) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    {UUIDOID, TEXTOID, UUIDOID, TEXTOID}};
constinit Statement close_question{
    "UPDATE roughly.questions SET state = 'closed', closes_at = LEAST(closes_at, $2) WHERE id = $1 AND state = 'open'",
    {UUIDOID, TIMESTAMPTZOID}};
constinit Statement select_questions{
    "SELECT id, prompt, choices, dimensions, k, max_dims,"
    "   CASE WHEN state <> 'open' OR closes_at <= pg_catalog.now() THEN 'closed'"
    "     WHEN opens_at > pg_catalog.now() THEN 'scheduled' ELSE 'open' END, opens_at, closes_at, epsilon, receipts"
    " FROM roughly.questions ORDER BY opens_at, id",
    {}};

[[noreturn]] void invalid(std::string message, std::string hint = {}) {
  throw Error(Errc::invalid_argument, std::move(message), std::move(hint));
}

std::int64_t in_range(std::int64_t number, std::int64_t least, std::int64_t most, const char *name) {
  if (number < least || number > most)
    invalid(std::string(name) + " must be from " + std::to_string(least) + " to " + std::to_string(most) + ", not " + std::to_string(number));
  return number;
}

void check_choices(const std::vector<std::string> &choices) {
  constexpr std::size_t fewest = 2, most = 64, longest = 200;
  if (choices.size() < fewest || choices.size() > most)
    invalid("a question has 2 to 64 choices, not " + std::to_string(choices.size()));
  std::unordered_set<std::string_view> seen;
  for (const std::string &choice : choices) {
    if (choice.empty())
      invalid("a choice must not be empty");
    if (choice.size() > longest)
      throw Error(Errc::value_too_long, "a choice is longer than 200 bytes");
    if (!seen.insert(choice).second)
      invalid("choice \"" + choice + "\" is named twice");
  }
}

} // namespace

ROUGHLY_FUNCTION(roughly_create_question) {
  const Arguments arguments(fcinfo);
  const auto prompt = arguments.get<std::string>(0, "prompt");
  const auto choices = arguments.get<std::vector<std::string>>(1, "choices");
  const auto names = arguments.get<std::vector<std::string>>(2, "dimensions");
  const std::int64_t k = in_range(arguments.get<std::int32_t>(3, "k"), settings::min_k(), 1'000'000, "k");
  const std::int64_t min_batch = in_range(arguments.optional<std::int32_t>(4).value_or(static_cast<std::int32_t>(2 * k)), k, most_ballots, "min_batch");
  const auto growth = arguments.get<double>(5, "growth");
  const auto max_dims = arguments.get<std::int32_t>(7, "max_dims");
  const auto max_rank = arguments.get<std::int32_t>(8, "max_rank");
  const auto require_confirmed = arguments.get<bool>(9, "require_confirmed");
  const auto epsilon = arguments.optional<double>(13);
  const auto receipts = arguments.get<std::string>(14, "receipts");
  if (arguments.is_null(10))
    throw Error(Errc::null_argument, "min_account_age must not be null");
  if (arguments.is_null(15))
    throw Error(Errc::null_argument, "witness_account_age must not be null");
  const auto witness_daily_votes = arguments.optional<std::int32_t>(16);
  if (witness_daily_votes)
    in_range(*witness_daily_votes, 1, 1'000'000, "witness_daily_votes");
  if (prompt.empty())
    invalid("the prompt is empty");
  if (prompt.size() > 10'000)
    throw Error(Errc::value_too_long, "the prompt is longer than 10000 bytes");
  check_choices(choices);
  if (!(growth >= 0.1)) // NaN too
    invalid("growth must be at least 0.1", "0.5 waits for half as many ballots as were counted before; 'Infinity' never counts by growth.");
  if (epsilon && !(*epsilon >= least_epsilon && *epsilon <= most_epsilon))
    invalid("epsilon must be from 0.1 to 10", "Null counts every choice as it was cast.");
  if (receipts != "truth" && receipts != "sent" && receipts != "none")
    invalid("receipts must be truth, sent or none");
  in_range(max_dims, 0, static_cast<std::int64_t>(max_dimensions), "max_dims");
  in_range(max_rank, 1, 4096, "max_rank");
  const auto argument = [&](int n) { return Value{fcinfo->args[n].value, fcinfo->args[n].isnull}; };

  const AsOwner owner;
  const Uuid id = random_uuid();
  {
    Spi spi;
    const Rows times = spi.read_latest(check_times, {argument(6), argument(10), argument(11), argument(12), argument(15)});
    if (times.optional<bool>(0, 1) == false)
      invalid("max_wait must be positive and at most 100 years", "Null means: never count because time has passed.");
    if (!times.get<bool>(0, 2))
      invalid("min_account_age must be from 0 to 100 years");
    if (times.optional<bool>(0, 3) == false)
      invalid("closes_at must lie in the future and after opens_at");

    const auto witness_account_age = times.get<std::int64_t>(0, 7);
    if (witness_account_age < 0)
      invalid("witness_account_age must be from 0 to 100 years");

    const std::vector<Dimension> dimensions = choose_dimensions(spi, names);
    const Bytes packed = pack_dimensions(dimensions);
    Question question{};
    question.id = id;
    question.choices = choices;
    question.dimensions = dimensions;
    question.policy = {static_cast<std::uint32_t>(k), static_cast<std::uint32_t>(max_rank)};
    question.max_dims = static_cast<std::uint8_t>(std::min<std::size_t>(static_cast<std::size_t>(max_dims), dimensions.size()));
    question.min_batch = static_cast<std::uint32_t>(min_batch);
    question.growth = growth;
    question.max_wait = times.get<std::int64_t>(0, 4);
    question.require_confirmed = require_confirmed;
    question.witness_account_age = witness_account_age;
    question.witness_daily_votes = witness_daily_votes;
    question.epsilon = epsilon;
    question.receipts = receipts;
    question.min_account_age = times.get<std::int64_t>(0, 5);
    question.opens_at = times.get<std::int64_t>(0, 6);
    const Bytes policy_seal = question.seal_policy(keys::sealing(spi).subkey<Purpose::question>());
    spi.write(insert_question,
              {value(id), value(std::string_view(prompt)), argument(1), value(ByteView(packed)), value(static_cast<std::int32_t>(k)),
               value(static_cast<std::int32_t>(min_batch)), value(growth), argument(6), value(std::int32_t{question.max_dims}),
               value(max_rank), argument(9), argument(10), value(question.opens_at), argument(12), value(ByteView(policy_seal)), argument(13), argument(14), argument(15),
               argument(16)});
    const Bytes empty = pack_empty_release(question.header());
    spi.write(insert_empty_release, {value(id), value(ByteView(empty))});
  }
  return uuid_result(id);
}

ROUGHLY_FUNCTION(roughly_add_contradiction) {
  const Arguments arguments(fcinfo);
  const auto id = arguments.get<Uuid>(0, "question"), other = arguments.get<Uuid>(2, "other_question");
  const auto choice = arguments.get<std::string>(1, "choice"), other_choice = arguments.get<std::string>(3, "other_choice");
  if (id == other)
    invalid("a question cannot contradict itself");
  const AsOwner owner;
  Spi spi;
  static_cast<void>(find_choice(load_question(spi, id), choice));
  static_cast<void>(find_choice(load_question(spi, other), other_choice));
  spi.write(insert_contradiction, {value(id), value(std::string_view(choice)), value(other), value(std::string_view(other_choice))});
  return void_result();
}

ROUGHLY_FUNCTION(roughly_close_question) {
  const auto id = Arguments(fcinfo).get<Uuid>(0, "question");
  const AsOwner owner;
  Spi spi;
  static_cast<void>(load_question(spi, id));
  lock_question(id, QuestionLock::exclusive); // waits for votes under way
  if (spi.write(close_question, {value(id), value(GetCurrentTimestamp())}).affected() == 0)
    throw Error(Errc::not_open, "the question is closed already");
  return void_result();
}

ROUGHLY_FUNCTION(roughly_questions) {
  RowSet result(fcinfo);
  const AsOwner owner;
  Spi spi;
  const Rows rows = spi.read(select_questions);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<std::string> names;
    for (const Dimension &dimension : unpack_dimensions(rows.get<Bytes>(i, 4)))
      names.push_back(dimension.name);
    const auto id = rows.get<Uuid>(i, 1);
    const auto prompt = rows.get<std::string>(i, 2), state = rows.get<std::string>(i, 7);
    const auto receipts = rows.get<std::string>(i, 11);
    result.put({value(id), value(std::string_view(prompt)), value(rows.get<std::vector<std::string>>(i, 3)), value(names),
                value(rows.get<std::int32_t>(i, 5)), value(rows.get<std::int32_t>(i, 6)), value(std::string_view(state)),
                value(rows.get<std::int64_t>(i, 8)), value(rows.optional<std::int64_t>(i, 9)), value(rows.optional<double>(i, 10)),
                value(std::string_view(receipts))});
  }
  return void_result();
}
