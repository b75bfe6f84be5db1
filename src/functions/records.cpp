#include "functions/records.hpp"

#include "core/bindings.hpp"
#include "core/iso_codes.hpp"
#include "pg/lock.hpp"

namespace roughly {
namespace {

using pg::call;
using pg::Rows;
using pg::Spi;
using pg::Statement;
using pg::value;

constinit Statement select_question{
    "SELECT choices, dimensions, k, max_rank, max_dims, min_batch, growth,"
    "   max_wait IS NOT NULL AND COALESCE(released_at, opens_at) + max_wait <= pg_catalog.clock_timestamp(),"
    "   require_confirmed, (EXTRACT(epoch FROM min_account_age) * 1000000)::int8, opens_at, closes_at, state, batch, release,"
    "   COALESCE((EXTRACT(epoch FROM max_wait) * 1000000)::int8, -1), policy_seal, epsilon, receipts,"
    "   (EXTRACT(epoch FROM witness_account_age) * 1000000)::int8, witness_daily_votes"
    " FROM roughly.questions WHERE id = $1",
    {UUIDOID}};

constinit Statement lock_row{"SELECT FROM roughly.questions WHERE id = $1 FOR NO KEY UPDATE", {UUIDOID}};

// 5..11: the profile columns as text; 12: the wanted keys of extra, '' where there is nothing.
constinit Statement select_voter{
    "SELECT u.confirmed_at IS NOT NULL, u.inserted_at, u.votes_from, u.vote_secret,"
    "   (EXTRACT(year FROM pg_catalog.clock_timestamp() AT TIME ZONE 'UTC')::int - p.birth_year)::text,"
    "   p.birth_year::text, p.country, p.region, p.gender, p.education_level, p.income_bracket,"
    "   ARRAY(SELECT COALESCE(p.extra ->> s.key, '') FROM pg_catalog.unnest($2) WITH ORDINALITY AS s (key, n) ORDER BY s.n)"
    " FROM roughly.users u LEFT JOIN roughly.user_profiles p ON p.user_id = u.id WHERE u.id = $1",
    {UUIDOID, TEXTARRAYOID}};

constinit Statement select_dimensions{
    "SELECT name, source, label, kind, categories, edges FROM roughly.dimensions ORDER BY builtin DESC, name", {}};

constexpr std::string_view extra_prefix = "extra.";

std::vector<std::string> names_of(const std::vector<Dimension> &dimensions) {
  std::vector<std::string> names;
  for (const Dimension &dimension : dimensions)
    names.push_back(dimension.name);
  return names;
}

} // namespace

ReleaseHeader Question::header() const {
  return {policy.k, max_dims, choices, names_of(dimensions), epsilon};
}

Binding Question::policy_binding() const {
  Writer<Bytes> out;
  out.varint(choices.size());
  for (const std::string &choice : choices)
    out.text(choice);
  out.raw(pack_dimensions(dimensions));
  for (const std::uint64_t number :
       {std::uint64_t{policy.k}, std::uint64_t{policy.max_rank}, std::uint64_t{max_dims}, std::uint64_t{min_batch},
        static_cast<std::uint64_t>(max_wait), std::uint64_t{require_confirmed}, static_cast<std::uint64_t>(min_account_age),
        static_cast<std::uint64_t>(opens_at), static_cast<std::uint64_t>(witness_account_age),
        static_cast<std::uint64_t>(witness_daily_votes.value_or(-1))})
    out.varint(number);
  out.real(growth);
  out.real(epsilon.value_or(0));
  out.text(receipts);
  return Binding("question").with(id).with(ByteView(std::move(out).take()));
}

Bytes Question::seal_policy(Subkey<Purpose::question> key) const {
  return seal(key, {}, policy_binding());
}

Question load_question(Spi &spi, const Uuid &id) {
  Question question = read_question(spi, id);
  try {
    static_cast<void>(pg::keys::open<Purpose::question>(spi, question.policy_seal, question.policy_binding()));
  } catch (const Error &error) {
    if (error.code() != Errc::corrupted)
      throw;
    throw Error(Errc::corrupted, "the policy of question " + to_text(id) + " was changed by hand", "Restore its row in roughly.questions.");
  }
  return question;
}

Question read_question(Spi &spi, const Uuid &id) {
  const Rows rows = spi.read_latest(select_question, {value(id)});
  if (rows.empty())
    throw Error(Errc::unknown_object, "there is no question " + to_text(id), "roughly_questions() lists them.");
  Question question{};
  question.id = id;
  question.choices = rows.get<std::vector<std::string>>(0, 1);
  question.dimensions = unpack_dimensions(rows.get<Bytes>(0, 2));
  question.policy = {static_cast<std::uint32_t>(rows.get<std::int32_t>(0, 3)), static_cast<std::uint32_t>(rows.get<std::int32_t>(0, 4))};
  question.max_dims = static_cast<std::uint8_t>(rows.get<std::int32_t>(0, 5));
  question.min_batch = static_cast<std::uint32_t>(rows.get<std::int32_t>(0, 6));
  question.growth = rows.get<double>(0, 7);
  question.waited = rows.get<bool>(0, 8);
  question.require_confirmed = rows.get<bool>(0, 9);
  question.min_account_age = rows.get<std::int64_t>(0, 10);
  question.opens_at = rows.get<std::int64_t>(0, 11);
  question.closes_at = rows.optional<std::int64_t>(0, 12);
  question.state = rows.get<std::string>(0, 13);
  question.batch = static_cast<std::uint32_t>(rows.get<std::int32_t>(0, 14));
  question.release = static_cast<std::uint32_t>(rows.get<std::int32_t>(0, 15));
  question.max_wait = rows.get<std::int64_t>(0, 16);
  question.epsilon = rows.optional<double>(0, 18);
  question.receipts = rows.get<std::string>(0, 19);
  question.witness_account_age = rows.get<std::int64_t>(0, 20);
  question.witness_daily_votes = rows.optional<std::int32_t>(0, 21);
  question.policy_seal = rows.get<Bytes>(0, 17);
  return question;
}

void hold_question(Spi &spi, const Uuid &id) {
  spi.write(lock_row, {value(id)});
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

Voter load_voter(Spi &spi, const Uuid &user, const std::vector<Dimension> &dimensions) {
  std::vector<std::string> keys;
  for (const Dimension &dimension : dimensions)
    if (dimension.source.starts_with(extra_prefix))
      keys.push_back(dimension.source.substr(extra_prefix.size()));

  const Rows rows = spi.read_latest(select_voter, {value(user), value(keys)});
  if (rows.empty())
    throw Error(Errc::unauthenticated, "the authenticated account no longer exists");
  Voter voter{rows.get<bool>(0, 1), rows.get<std::int64_t>(0, 2), rows.get<std::int64_t>(0, 3), rows.get<Bytes>(0, 4), {}};
  int column = 5;
  for (const char *source : {"age", "birth_year", "country", "region", "gender", "education_level", "income_bracket"})
    if (std::optional<std::string> text = rows.optional<std::string>(0, column++))
      voter.values.emplace(source, std::move(*text));
  const auto extras = rows.get<std::vector<std::string>>(0, column);
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (!extras[i].empty())
      voter.values.emplace(std::string(extra_prefix) + keys[i], extras[i]);
  return voter;
}

VoteSecret open_vote_secret(Spi &spi, const Uuid &user, ByteView sealed) {
  return VoteSecret(pg::keys::open<Purpose::vote_secret>(spi, sealed, bound_to::vote_secret(user)));
}

Bytes seal_vote_secret(Spi &spi, const Uuid &user, ByteView secret) {
  return seal(pg::keys::sealing(spi).subkey<Purpose::vote_secret>(), secret, bound_to::vote_secret(user));
}

void check_iso_code(std::string_view source, std::string_view value) {
  if (source == "country" && !is_country(value))
    throw Error(Errc::invalid_argument, "\"country\" is not a code of ISO 3166-1 alpha-2", "For example DE.");
  if (source == "region" && !is_region(value))
    throw Error(Errc::invalid_argument, "\"region\" is not a code of ISO 3166-2", "For example DE-BY.");
}

SecretBytes take_snapshot(const Voter &voter, const std::vector<Dimension> &dimensions) {
  SecretBytes snapshot;
  for (const Dimension &dimension : dimensions) {
    const auto found = voter.values.find(dimension.source);
    if (found != voter.values.end())
      check_iso_code(dimension.source, found->second);
    const std::string field =
        encode_category(dimension, found == voter.values.end() ? std::nullopt : std::optional(found->second));
    snapshot.insert(snapshot.end(), field.begin(), field.end());
  }
  return snapshot;
}

std::vector<Dimension> load_dimensions(Spi &spi) {
  const Rows rows = spi.read_latest(select_dimensions);
  std::vector<Dimension> dimensions;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Dimension dimension;
    dimension.name = rows.get<std::string>(i, 1);
    dimension.source = rows.get<std::string>(i, 2);
    dimension.label = rows.get<std::string>(i, 3);
    const auto kind = rows.get<std::string>(i, 4);
    dimension.kind = kind == "bands"        ? DimensionKind::bands
                     : kind == "categories" ? DimensionKind::categories
                                            : DimensionKind::codes;
    if (dimension.kind == DimensionKind::categories)
      dimension.categories = rows.get<std::vector<std::string>>(i, 5);
    if (dimension.kind == DimensionKind::bands)
      dimension.edges = rows.get<std::vector<std::int64_t>>(i, 6);
    dimensions.push_back(checked_dimension(std::move(dimension)));
  }
  return dimensions;
}

std::vector<Dimension> choose_dimensions(Spi &spi, const std::vector<std::string> &names) {
  if (names.size() > max_dimensions)
    throw Error(Errc::invalid_argument, "a question has at most 8 dimensions");
  const std::vector<Dimension> known = load_dimensions(spi);
  std::vector<Dimension> chosen;
  for (const std::string &name : names) {
    const auto named = [&](const Dimension &dimension) { return dimension.name == name; };
    const auto found = std::find_if(known.begin(), known.end(), named);
    if (found == known.end()) {
      std::string list;
      for (const std::string &other : names_of(known))
        list += (list.empty() ? "" : ", ") + other;
      throw Error(Errc::unknown_object, "there is no dimension \"" + name + "\"",
                  "Known are " + list + ". roughly_add_dimension() makes more.");
    }
    if (std::any_of(chosen.begin(), chosen.end(), named))
      throw Error(Errc::invalid_argument, "dimension \"" + name + "\" is named twice");
    chosen.push_back(*found);
  }
  return chosen;
}

void lock_question(const Uuid &question, QuestionLock mode) {
  std::uint32_t high, low;
  memcpy(&high, question.data(), sizeof high);
  memcpy(&low, question.data() + sizeof high, sizeof low);
  const LOCKTAG tag = pg::lock_tag(pg::LockKind::question, high, low);
  call([&] { LockAcquire(&tag, mode == QuestionLock::exclusive ? ExclusiveLock : ShareLock, false, false); });
}

} // namespace roughly
