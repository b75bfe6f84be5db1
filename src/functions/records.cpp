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
    "   COALESCE(released_at, opens_at),"
    "   require_confirmed, (EXTRACT(epoch FROM min_account_age) * 1000000)::int8, opens_at, closes_at, state, batch, release,"
    "   COALESCE((EXTRACT(epoch FROM max_wait) * 1000000)::int8, -1), policy_seal, epsilon, receipts,"
    "   (EXTRACT(epoch FROM witness_account_age) * 1000000)::int8, witness_daily_votes, ctid, xmin"
    " FROM roughly.questions WHERE id = $1",
    {UUIDOID}};

constinit Statement lock_row{"SELECT FROM roughly.questions WHERE id = $1 FOR NO KEY UPDATE", {UUIDOID}};

constinit pg::Table users{"users", "users_pkey", {"confirmed_at", "inserted_at", "votes_from", "vote_secret"}};
constinit pg::Table questions{"questions", "questions_pkey", {}};
constinit pg::Table profiles{"user_profiles", "user_profiles_user_id_key",
                             {"birth_year", "country", "region", "gender", "education_level", "income_bracket", "extra"}};
constinit pg::KnownPlaces users_served, profiles_served;

constinit Statement select_dimensions{
    "SELECT name, source, label, kind, categories, edges FROM roughly.dimensions ORDER BY builtin DESC, name", {}};

constexpr std::string_view extra_prefix = "extra.";

std::vector<std::string> names_of(const std::vector<Dimension> &dimensions) {
  std::vector<std::string> names;
  for (const Dimension &dimension : dimensions)
    names.push_back(dimension.name);
  return names;
}

int this_year() { // in UTC
  pg_tm broken_down{};
  fsec_t microseconds = 0;
  timestamp2tm(GetCurrentTimestamp(), nullptr, &broken_down, &microseconds, nullptr, nullptr);
  return broken_down.tm_year;
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

const Question &load_question(Spi &spi, const Uuid &id) {
  constexpr std::size_t most = 64;
  static auto &known = *new std::map<Uuid, Question>; // whose policy has been checked
  if (const auto found = known.find(id); found != known.end()) {
    if (questions.has(found->second.version))
      return found->second;
    known.erase(found);
  }
  Question question = read_question(spi, id);
  try {
    static_cast<void>(pg::keys::open<Purpose::question>(spi, question.policy_seal, question.policy_binding()));
  } catch (const Error &error) {
    if (error.code() != Errc::corrupted)
      throw;
    throw Error(Errc::corrupted, "the policy of question " + to_text(id) + " was changed by hand", "Restore its row in roughly.questions.");
  }
  if (known.size() == most)
    known.clear();
  return known.emplace(id, std::move(question)).first->second;
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
  question.waits_since = rows.get<std::int64_t>(0, 8);
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
  question.version = {rows.get<ItemPointerData>(0, 22), rows.get<TransactionId>(0, 23)};
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

Voter load_voter(const Uuid &user, const std::vector<Dimension> &dimensions) {
  const auto accounts = users.find(user, users_served);
  if (accounts.empty())
    throw Error(Errc::unauthenticated, "the authenticated account no longer exists");
  const auto &account = accounts.front();
  Voter voter{account.optional<std::int64_t>(1).has_value(), account.get<std::int64_t>(2), account.get<std::int64_t>(3), account.get<Bytes>(4), {}};
  if (dimensions.empty())
    return voter;
  for (const auto &profile : profiles.find(user, profiles_served)) {
    if (const auto birth_year = profile.optional<std::int32_t>(1)) {
      voter.values.emplace("birth_year", std::to_string(*birth_year));
      voter.values.emplace("age", std::to_string(this_year() - *birth_year));
    }
    int column = 2;
    for (const char *source : {"country", "region", "gender", "education_level", "income_bracket"})
      if (std::optional<std::string> text = profile.optional<std::string>(column++))
        voter.values.emplace(source, std::move(*text));
    for (const Dimension &dimension : dimensions)
      if (dimension.source.starts_with(extra_prefix))
        if (std::optional<std::string> text = pg::jsonb_field(profile.datum(column), dimension.source.substr(extra_prefix.size())); text && !text->empty())
          voter.values.emplace(dimension.source, std::move(*text));
  }
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
