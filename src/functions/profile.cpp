#include "functions/credentials.hpp"
#include "functions/past_answers.hpp"
#include "pg/identity.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

constexpr std::size_t longest_value = 100;
constexpr std::array<std::string_view, 7> columns{"birth_year", "country",         "region", "gender",
                                                  "education_level", "income_bracket", "extra"};

constinit Statement shape_of_profile{
    "SELECT pg_catalog.jsonb_typeof($1) = 'object', COALESCE(pg_catalog.jsonb_typeof($1 -> 'extra'), 'null') IN ('object', 'null')",
    {JSONBOID}};
// Every value of the change with its source, as text and with its JSON type.
constinit Statement split_profile{
    "SELECT key, value #>> '{}', pg_catalog.jsonb_typeof(value) FROM pg_catalog.jsonb_each($1) WHERE key <> 'extra'"
    " UNION ALL SELECT 'extra.' || key, value #>> '{}', pg_catalog.jsonb_typeof(value)"
    " FROM pg_catalog.jsonb_each(CASE pg_catalog.jsonb_typeof($1 -> 'extra') WHEN 'object' THEN $1 -> 'extra' ELSE '{}' END)",
    {JSONBOID}};
// A key that is absent stays as it is; one that is null is cleared.
constinit Statement upsert_profile{
    "INSERT INTO roughly.user_profiles AS p (user_id, birth_year, country, region, gender, education_level, income_bracket, extra)"
    " SELECT $1, r.birth_year, r.country, r.region, r.gender, r.education_level, r.income_bracket,"
    "   pg_catalog.jsonb_strip_nulls(COALESCE(r.extra, '{}'))"
    " FROM pg_catalog.jsonb_populate_record(NULL::roughly.user_profiles, $2) r"
    " ON CONFLICT (user_id) DO UPDATE SET"
    "   birth_year = CASE WHEN $2 ? 'birth_year' THEN excluded.birth_year ELSE p.birth_year END,"
    "   country = CASE WHEN $2 ? 'country' THEN excluded.country ELSE p.country END,"
    "   region = CASE WHEN $2 ? 'region' THEN excluded.region ELSE p.region END,"
    "   gender = CASE WHEN $2 ? 'gender' THEN excluded.gender ELSE p.gender END,"
    "   education_level = CASE WHEN $2 ? 'education_level' THEN excluded.education_level ELSE p.education_level END,"
    "   income_bracket = CASE WHEN $2 ? 'income_bracket' THEN excluded.income_bracket ELSE p.income_bracket END,"
    "   extra = CASE pg_catalog.jsonb_typeof($2 -> 'extra') WHEN 'object' THEN pg_catalog.jsonb_strip_nulls(p.extra || ($2 -> 'extra'))"
    "     WHEN 'null' THEN '{}' ELSE p.extra END,"
    "   updated_at = pg_catalog.now()",
    {UUIDOID, JSONBOID}};

constinit Statement insert_dimension{
    "INSERT INTO roughly.dimensions (name, source, kind, categories, edges, label) VALUES ($1, $2, $3, $4, $5, $6)"
    " ON CONFLICT DO NOTHING",
    {TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, INT8ARRAYOID, TEXTOID}};

std::string join(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names)
    text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

// Everything but the size of "extra" has been checked; that depends on what was there before.
void store_profile(Spi &spi, const Uuid &user, const Value &profile) {
  try {
    spi.write(upsert_profile, {value(user), profile});
  } catch (const PgError &error) {
    if (error.sqlstate() != ERRCODE_CHECK_VIOLATION)
      throw;
    throw Error(Errc::value_too_long, "\"extra\" is longer than 8192 bytes", "Set keys that are not needed to null.");
  }
}

// Every value the change gives must belong to the profile, and be one of the categories of the dimensions that read it.
void check_values(const Rows &rows, const std::vector<Dimension> &dimensions) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto source = rows.get<std::string>(i, 1), type = rows.get<std::string>(i, 3);
    if (!source.starts_with("extra.") && std::find(columns.begin(), columns.end(), source) == columns.end())
      throw Error(Errc::invalid_argument, "a profile has no \"" + source + "\"",
                  "It has " + join(columns) + "; anything else goes into extra.");
    if (type == "null")
      continue;
    if (type == "object" || type == "array")
      throw Error(Errc::invalid_argument, "\"" + source + "\" must be a text, a number or a boolean");
    const auto text = rows.get<std::string>(i, 2);
    if (text.empty())
      throw Error(Errc::invalid_argument, "\"" + source + "\" is empty", "Use null for what is not stated.");
    if (source == "birth_year" &&
        (text.size() != 4 || text.find_first_not_of("0123456789") != std::string::npos || text < "1900" || text > "2100"))
      throw Error(Errc::invalid_argument, "\"birth_year\" must be a year from 1900 to 2100");
    if (text.size() > longest_value && !source.starts_with("extra."))
      throw Error(Errc::value_too_long, "\"" + source + "\" is longer than 100 bytes");
    check_iso_code(source, text);
    for (const Dimension &dimension : dimensions)
      if (dimension.source == source)
        static_cast<void>(encode_category(dimension, text));
  }
}

void check_source(const std::string &source) {
  constexpr std::string_view prefix = "extra.";
  const bool extra = source.starts_with(prefix) && source.size() > prefix.size() && source.size() <= 64;
  const bool column = source == "age" || source == "answers" || (source != "extra" && std::find(columns.begin(), columns.end(), source) != columns.end());
  if (!extra && !column)
    throw Error(Errc::invalid_argument, "\"" + source + "\" is not a source of dimensions",
                "Sources are age, birth_year, country, region, gender, education_level, income_bracket, answers, and extra.KEY.");
}

// A value must suit every dimension that reads it, or nobody could set it.
void check_fit(const Dimension &dimension, const std::vector<Dimension> &others) {
  const bool number = dimension.source == "age" || dimension.source == "birth_year";
  if (number && dimension.kind != DimensionKind::bands)
    throw Error(Errc::invalid_argument, "a dimension of \"" + dimension.source + "\" must have band edges", "For example '{18,30,65}'.");
  if (dimension.source == "answers")
    throw Error(Errc::invalid_argument, "the dimension of \"answers\" is answer_quality");
  if (dimension.kind == DimensionKind::categories)
    for (const std::string &category : dimension.categories)
      check_iso_code(dimension.source, category);
  const auto sorted = [](std::vector<std::string> categories) {
    std::sort(categories.begin(), categories.end());
    return categories;
  };
  for (const Dimension &other : others)
    if (other.source == dimension.source &&
        (other.kind != dimension.kind || (other.kind == DimensionKind::categories && sorted(other.categories) != sorted(dimension.categories))))
      throw Error(Errc::invalid_argument, "dimension \"" + other.name + "\" reads \"" + dimension.source + "\" too and allows other values",
                  "Use a source of its own, such as extra." + dimension.name + ".");
}

std::string kind_name(DimensionKind kind) {
  return kind == DimensionKind::bands ? "bands" : kind == DimensionKind::categories ? "categories" : "codes";
}

} // namespace

ROUGHLY_FUNCTION(roughly_set_profile) {
  if (Arguments(fcinfo).is_null(0))
    throw Error(Errc::null_argument, "profile must not be null");
  const Value profile{fcinfo->args[0].value, false};
  const Uuid user = identity::require().user;
  identity::begin_account_write();

  const AsOwner owner;
  Spi spi;
  const Rows shape = spi.read_latest(shape_of_profile, {profile});
  if (!shape.get<bool>(0, 1))
    throw Error(Errc::invalid_argument, "the profile must be a JSON object", "For example {\"birth_year\": 1980}.");
  if (!shape.get<bool>(0, 2))
    throw Error(Errc::invalid_argument, "\"extra\" must be a JSON object");
  const std::vector<Dimension> dimensions = load_dimensions(spi);
  static_cast<void>(hold_own_account(spi, user));
  check_values(spi.read_latest(split_profile, {profile}), dimensions);
  store_profile(spi, user, profile);
  return void_result();
}

ROUGHLY_FUNCTION(roughly_may_write_account) {
  identity::begin_account_write();
  return BoolGetDatum(true);
}

ROUGHLY_FUNCTION(roughly_add_dimension) {
  const Arguments arguments(fcinfo);
  Dimension dimension;
  dimension.name = arguments.get<std::string>(0, "name");
  dimension.source = arguments.get<std::string>(1, "source");
  if (auto categories = arguments.optional<std::vector<std::string>>(2)) {
    dimension.kind = DimensionKind::categories;
    dimension.categories = std::move(*categories);
  }
  if (auto edges = arguments.optional<std::vector<std::int64_t>>(3)) {
    if (dimension.kind == DimensionKind::categories)
      throw Error(Errc::invalid_argument, "a dimension has either categories or edges, not both");
    dimension.kind = DimensionKind::bands;
    dimension.edges = std::move(*edges);
  }
  dimension.label = arguments.optional<std::string>(4).value_or(dimension.name);
  check_source(dimension.source);
  dimension = checked_dimension(std::move(dimension));

  const AsOwner owner;
  Spi spi;
  std::vector<Dimension> others = load_dimensions(spi);
  std::erase_if(others, [&](const Dimension &other) { return other.name == dimension.name; });
  check_fit(dimension, others);
  if (spi.write(insert_dimension,
            {value(std::string_view(dimension.name)), value(std::string_view(dimension.source)),
             value(std::string_view(kind_name(dimension.kind))),
             dimension.kind == DimensionKind::categories ? value(dimension.categories) : Value{},
             dimension.kind == DimensionKind::bands ? Value{fcinfo->args[3].value, false} : Value{},
             value(std::string_view(dimension.label))}).affected() == 0)
    throw Error(Errc::duplicate_object, "dimension \"" + dimension.name + "\" exists already");
  return void_result();
}

ROUGHLY_FUNCTION(roughly_dimensions) {
  RowSet rows(fcinfo);
  const AsOwner owner;
  Spi spi;
  for (const Dimension &dimension : load_dimensions(spi))
    rows.put({value(std::string_view(dimension.name)), value(std::string_view(dimension.source)),
              value(std::string_view(kind_name(dimension.kind))),
              dimension.kind == DimensionKind::codes ? Value{} : value(dimension.categories),
              value(std::string_view(dimension.label))});
  return void_result();
}

ROUGHLY_FUNCTION(roughly_my_snapshot) {
  const auto id = Arguments(fcinfo).get<Uuid>(0, "question");
  const Uuid user = identity::require().user;
  RowSet rows(fcinfo);
  const AsOwner owner;
  Spi spi;
  const Question question = load_question(spi, id);
  Voter voter = load_voter(user, question.dimensions);
  if (reads_answers(question.dimensions))
    grade_answers(spi, voter, past_answers(spi, open_vote_secret(spi, user, voter.sealed_vote_secret), std::nullopt));
  const SecretBytes snapshot = take_snapshot(voter, question.dimensions);
  ByteView rest(snapshot);
  for (const Dimension &dimension : question.dimensions) {
    const std::string category = decode_category(dimension, rest.first(dimension.width()));
    rows.put({value(std::string_view(dimension.name)), value(std::string_view(category))});
    rest = rest.subspan(dimension.width());
  }
  return void_result();
}
