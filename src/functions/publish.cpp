// Counting: freeze, commit, release, commit. What may be published is decided in core; here it meets the tables.
#include "functions/publish.hpp"

#include "functions/counted.hpp"
#include "functions/vote_store.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

constinit Statement close_overdue{"UPDATE roughly.questions SET state = 'closed' WHERE id = $1 AND state = 'open'", {UUIDOID}};
constinit Statement bump_batch{
    "UPDATE roughly.questions SET batch = batch + 1 WHERE id = $1 AND batch = release AND batch = $2", {UUIDOID, INT4OID}};
constinit Statement insert_block{
    "INSERT INTO roughly.batches (question_id, batch_no, block_no, blocks, sealed) VALUES ($1, $2, $3, $4, $5)",
    {UUIDOID, INT4OID, INT4OID, INT4OID, BYTEAOID}};
constinit Statement end_question{"UPDATE roughly.questions SET state = 'counted', batch = release WHERE id = $1",
                                 {UUIDOID}};
constinit Statement bump_release{
    "UPDATE roughly.questions SET release = release + 1, released_at = pg_catalog.now() WHERE id = $1 AND release < batch RETURNING release",
    {UUIDOID}};
constinit Statement upsert_tally{
    "INSERT INTO roughly.tallies (question_id, sealed) VALUES ($1, $2) ON CONFLICT (question_id) DO UPDATE SET sealed = excluded.sealed",
    {UUIDOID, BYTEAOID}};
constinit Statement insert_release{
    "INSERT INTO roughly.releases (question_id, view, release_no, cells) VALUES ($1, $2, $3, $4)", {UUIDOID, TEXTARRAYOID, INT4OID, BYTEAOID}};
constinit Statement select_uncounted{"SELECT id FROM roughly.questions WHERE state <> 'counted' ORDER BY id", {}};
constinit Statement forget_batches{"DELETE FROM roughly.batches b USING roughly.questions q"
                                   " WHERE q.id = $1 AND b.question_id = $1 AND b.batch_no <= q.release",
                                   {UUIDOID}};

// How many ballots must wait before a batch may be frozen; nothing when no number is enough now.
std::optional<std::int64_t> least_ballots(Spi &spi, const Question &question) {
  if (question.state == "closed")
    return 0;
  std::int64_t least = question.min_batch;
  if (!question.waited(GetCurrentTimestamp())) {
    constexpr double never = 1e15;
    const std::optional<Tally> tally = open_tally(spi, question, question.release);
    const double grown = !tally || std::isinf(question.growth) ? never : std::ceil(question.growth * static_cast<double>(tally->total()));
    if (grown >= never)
      return std::nullopt;
    least = std::max(least, static_cast<std::int64_t>(grown));
  }
  return least;
}

// Every waiting ballot, and no other: the ballots deleted are the ballots counted.
BallotBox collect_ballots(Spi &spi, const Question &question) {
  BallotBox box(question.layout().size());
  BallotOpener opener(question.id, box);
  vote_store::take(spi, question.id, [&](const Uuid &id, ByteView sealed) {
    opened([&] { return "ballot " + to_text(id) + " of question " + to_text(question.id); }, [&] {
      opener.add(keys::by_id(spi, sealing_key(sealed)).subkey<Purpose::ballot>(), id, sealed);
    });
  });
  return box;
}

[[noreturn]] void refuse_replay(const Question &question, const Uuid &id) {
  throw Error(Errc::corrupted, "ballot " + to_text(id) + " of question " + to_text(question.id) + " has been counted before",
              "It was put back or copied by hand. Delete the row from roughly.ballots.");
}

// In an order of its own: by the first eight bytes as a number, which are seldom the same.
constexpr auto precedes = [](const Uuid &one, const Uuid &other) {
  std::uint64_t first = 0, second = 0;
  std::memcpy(&first, one.data(), sizeof first);
  std::memcpy(&second, other.data(), sizeof second);
  return first != second ? first < second : one < other;
};

// In a sorted vector, as a hash table would take four times the memory.
std::vector<Uuid> sorted_ids(const BallotBox &box) {
  std::vector<Uuid> ids(box.size());
  for (std::size_t i = 0; i < ids.size(); ++i)
    std::copy_n(box.id(i).begin(), ids[i].size(), ids[i].begin());
  std::sort(ids.begin(), ids.end(), precedes);
  return ids;
}

// A ballot saved before it was counted and put back afterwards still opens; its id tells.
void refuse_replays(Spi &spi, const Question &question, const BallotBox &box) {
  const std::vector<Uuid> fresh = sorted_ids(box);
  if (const auto twice = std::adjacent_find(fresh.begin(), fresh.end()); twice != fresh.end())
    refuse_replay(question, *twice);
  for (std::uint32_t batch = 1; batch <= question.release; ++batch) {
    BallotBox earlier(question.layout().size());
    open_batch(spi, question.id, batch, earlier);
    for (const Uuid &id : sorted_ids(earlier))
      if (std::binary_search(fresh.begin(), fresh.end(), id, precedes))
        refuse_replay(question, id);
  }
}

bool close_if_overdue(Spi &spi, const Uuid &id) {
  const Question question = load_question(spi, id);
  if (question.state == "open" && question.over(GetCurrentTimestamp())) {
    lock_question(id, QuestionLock::exclusive); // waits for votes under way, so that the last batch holds them
    spi.write(close_overdue, {value(id)});
  }
  return true;
}

enum class Frozen { none, batch, last_batch };

// Freezes a batch when one is due.
Frozen freeze(Spi &spi, const Uuid &id) {
  const Question question = load_question(spi, id);
  if (question.state == "counted" || question.batch != question.release)
    return question.batch != question.release ? Frozen::batch : Frozen::none;
  const std::optional<std::int64_t> least = least_ballots(spi, question);
  if (!least || !vote_store::waiting(spi, id, *least))
    return Frozen::none;

  if (spi.write(bump_batch, {value(id), value(static_cast<std::int32_t>(question.batch))}).affected() == 0)
    return Frozen::none; // another publisher was first
  BallotBox box = collect_ballots(spi, question);
  if (question.state == "closed" && box.size() < question.policy.k) { // fewer can never be published
    vote_store::discard(spi, id, box);
    spi.write(end_question, {value(id)});
    return Frozen::none;
  }
  if (static_cast<std::int64_t>(box.size()) < *least)
    throw Error(Errc::internal, "waiting ballots of question " + to_text(id) + " have vanished");
  refuse_replays(spi, question, box);
  box.shuffle();
  const Subkey<Purpose::batch> key = keys::sealing(spi).subkey<Purpose::batch>();
  const std::uint32_t batch = question.batch + 1, blocks = box.blocks();
  for (std::uint32_t number = 0; number < blocks; ++number) {
    const TemporaryContext scratch("roughly_auth block");
    const Bytes sealed = box.seal_block(key, {id, batch, number, blocks});
    spi.write(insert_block, {value(id), value(static_cast<std::int32_t>(batch)), value(static_cast<std::int32_t>(number)),
                             value(static_cast<std::int32_t>(blocks)), value(ByteView(sealed))});
  }
  return question.state == "closed" ? Frozen::last_batch : Frozen::batch;
}

// Publishes what the rule allows of a batch that an earlier transaction froze; its number is that of the release.
void release(Spi &spi, const Uuid &id, std::uint32_t number) {
  const Question question = load_question(spi, id);
  Tally tally = open_tally(spi, question, number - 1).value(); // the row is ours now
  std::vector<Profile> profiles;
  {
    BallotBox box(question.layout().size());
    if (!open_batch(spi, id, number, box))
      throw Error(Errc::corrupted, batch_name(id, number) + " is missing");
    vote_store::discard(spi, id, box); // the batch has been committed
    profiles = count_profiles(box, question.choices.size());
  }
  release_batch(tally, std::move(profiles), question.policy, number);

  std::vector<bool> changed(256);
  for (Tally::CellId cell = 0; cell < tally.size(); ++cell)
    if (tally.cell(cell).as_of == number)
      changed[tally.cell(cell).view] = true;
  for (const View view : tally.views())
    if (changed[view]) {
      const Bytes packed = pack_release(question.header(), question.dimensions, tally, view);
      spi.write(insert_release, {value(id), value(view_name(question.dimensions, view)), value(static_cast<std::int32_t>(number)),
                                 value(ByteView(packed))});
    }
  const Bytes sealed = tally.seal(keys::sealing(spi).subkey<Purpose::tally>(), id, number);
  spi.write(upsert_tally, {value(id), value(ByteView(sealed))});
}

// What is frozen is released, unless another publisher was first; after the last batch the question is counted.
bool finish(Spi &spi, const Uuid &id, Frozen frozen) {
  if (const Rows bumped = spi.write(bump_release, {value(id)}); !bumped.empty())
    release(spi, id, static_cast<std::uint32_t>(bumped.get<std::int32_t>(0, 1)));
  if (frozen == Frozen::last_batch)
    spi.write(end_question, {value(id)});
  return true;
}

void publish(Procedure &procedure, const Uuid &id) {
  procedure.commit([&](Spi &spi) { return close_if_overdue(spi, id); });
  procedure.commit([&](Spi &spi) { return finish(spi, id, Frozen::batch); }); // what an interrupted call left frozen
  if (const Frozen frozen = procedure.commit([&](Spi &spi) { return freeze(spi, id); }); frozen != Frozen::none)
    procedure.commit([&](Spi &spi) { return finish(spi, id, frozen); });
}

bool must_stop(int sqlstate) {
  return sqlstate == ERRCODE_QUERY_CANCELED || ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_OPERATOR_INTERVENTION;
}

void warn(const Uuid &id, const char *why) {
  const std::string question = to_text(id);
  call([&] { ereport(WARNING, (errmsg("question %s could not be published: %s", question.c_str(), why), errhidestmt(true))); });
}

} // namespace

ROUGHLY_FUNCTION(roughly_publish) {
  const auto id = Arguments(fcinfo).get<Uuid>(0, "question");
  Procedure procedure(fcinfo);
  publish(procedure, id);
  return void_result();
}

void roughly::publish_due(Procedure &procedure) {
  std::vector<Uuid> questions;
  procedure.commit([&](Spi &spi) {
    const Rows rows = spi.read_latest(select_uncounted);
    for (std::size_t i = 0; i < rows.size(); ++i)
      questions.push_back(rows.get<Uuid>(i, 1));
    return true;
  });
  std::size_t failed = 0;
  int sqlstate = 0; // of the first that failed
  for (const Uuid &id : questions) {
    try {
      publish(procedure, id);
    } catch (const PgError &error) { // the step's subtransaction is rolled back; the next question starts clean
      if (must_stop(error.sqlstate()))
        throw;
      sqlstate = failed++ == 0 ? error.sqlstate() : sqlstate;
      warn(id, error.what());
    } catch (const Error &error) {
      sqlstate = failed++ == 0 ? report_of(error.code()).sqlstate : sqlstate;
      warn(id, error.what());
    }
  }
  if (failed > 0)
    fail(sqlstate, std::to_string(failed) + " of " + std::to_string(questions.size()) + " questions could not be published",
         "The warnings name them; the others are published.");
}

ROUGHLY_FUNCTION(roughly_publish_due) {
  Procedure procedure(fcinfo);
  publish_due(procedure);
  return void_result();
}

ROUGHLY_FUNCTION(roughly_recount) {
  const auto id = Arguments(fcinfo).get<Uuid>(0, "question");
  const AsOwner owner;
  Spi spi;
  for (;;) {
    const Question question = load_question(spi, id);
    const Tally fresh = recount(spi, question);
    if (const std::optional<Tally> tally = open_tally(spi, question, question.release))
      return BoolGetDatum(fresh.counts_equal(*tally));
  }
}

ROUGHLY_FUNCTION(roughly_forget_batches) {
  const auto id = Arguments(fcinfo).get<Uuid>(0, "question");
  const AsOwner owner;
  Spi spi;
  static_cast<void>(load_question(spi, id));
  hold_question(spi, id);
  spi.write(forget_batches, {value(id)});
  return void_result();
}
