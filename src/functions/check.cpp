// Is everything there, does it open, and does somebody see to it? Says what is wrong where, and never how much of it waits
// to be counted.
#include "functions/counted.hpp"
#include "functions/sealed_values.hpp"
#include "functions/vote_store.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

constexpr std::size_t most_named = 10; // of one purpose: more would tell how many ballots wait

constinit Statement select_questions{"SELECT id FROM roughly.questions ORDER BY id", {}};
constinit Statement select_releases{
    "SELECT r.question_id, r.view, r.release_no, r.cells, NOT EXISTS (SELECT FROM roughly.releases n"
    "   WHERE n.question_id = $1 AND n.view = r.view AND n.release_no > r.release_no)"
    " FROM roughly.releases r WHERE r.question_id = $1 ORDER BY r.view, r.release_no",
    {UUIDOID}};
constinit Statement select_progress{"SELECT batch, release FROM roughly.questions WHERE id = $1", {UUIDOID}};

constinit Statement select_rotation{
    "SELECT created FROM roughly.keys WHERE active AND EXISTS (SELECT FROM roughly.keys WHERE NOT active AND resealed IS NULL)", {}};
constinit Statement select_mail{"SELECT pg_catalog.min(locked_until) FROM roughly.mail_outbox WHERE locked_until <= pg_catalog.clock_timestamp()", {}};
constinit Statement select_waiting{
    "SELECT id, CASE WHEN batch > release THEN 'frozen, not released' WHEN state = 'closed' THEN 'closed, not counted' ELSE 'over, not closed' END, closes_at"
    " FROM roughly.questions WHERE batch > release OR state = 'closed' OR (state = 'open' AND closes_at <= pg_catalog.clock_timestamp())"
    " ORDER BY id",
    {}};

class Findings {
public:
  explicit Findings(FunctionCallInfo fcinfo) : rows_(fcinfo) {}

  void put(const std::string &object, const std::string &problem) {
    rows_.put({value(std::string_view(object)), value(std::string_view(problem))});
  }
  // Puts down the error that `examine` ends with; true when it ended well.
  template <class Examine> bool look(const std::string &object, Examine examine) {
    try {
      examine();
      return true;
    } catch (const Error &error) {
      put(object, error.hint().empty() ? error.what() : std::string(error.what()) + ". " + error.hint());
      return false;
    }
  }

private:
  RowSet rows_;
};

void look_at_sealed_values(Spi &spi, Findings &findings) {
  std::map<Purpose, std::size_t> named;
  SealedValues values;
  const auto look_at = [&](const SealedValue &sealed) {
    check_for_interrupts();
    if (named[sealed.purpose] >= most_named)
      return;
    if (!findings.look(sealed.name, [&] {
          static_cast<void>(open(keys::by_id(spi, sealing_key(sealed.sealed)).subkey(sealed.purpose), sealed.sealed, Binding(sealed.binding)));
        }))
      ++named[sealed.purpose];
  };
  bool more = true;
  while (more)
    findings.look("table roughly.questions", [&] { more = values.next(spi, look_at); });
}

// The tally, when it opens.
std::optional<Tally> look_at_counts(Spi &spi, const Question &question, Findings &findings) {
  const std::string name = "question " + to_text(question.id);
  std::optional<Tally> tally;
  findings.look(name, [&] { tally = open_tally(spi, question, question.release); });
  findings.look(name, [&] {
    try {
      if (tally && !recount(spi, question).counts_equal(*tally))
        findings.put(name, "its tally differs from a fresh count of its batches");
    } catch (const Error &error) {
      if (error.code() != Errc::not_open) // forgotten on purpose
        throw;
    }
  });
  Count frozen = 0;
  if (question.batch > question.release)
    findings.look(name, [&] {
      BallotBox box(question.layout().size());
      if (!open_batch(spi, question.id, question.batch, box))
        throw Error(Errc::corrupted, batch_name(question.id, question.batch) + " is missing");
      frozen = box.size();
    });
  if (tally && !(question.batch > question.release && vote_store::on_nodes())) { // nodes may still have the frozen ballots
    const std::int64_t counted = vote_store::taken(spi, question.id); // whoever has voted and is not counted has a ballot waiting
    const Rows rows = spi.read_latest(select_progress, {value(question.id)});
    const bool unmoved = static_cast<std::uint32_t>(rows.get<std::int32_t>(0, 1)) == question.batch &&
                         static_cast<std::uint32_t>(rows.get<std::int32_t>(0, 2)) == question.release;
    const auto expected = static_cast<std::int64_t>(tally->total() + frozen);
    const std::int64_t dropped = question.state == "counted" ? question.policy.k - 1 : 0; // too few to publish
    if (unmoved && (counted < expected || counted > expected + dropped))
      findings.put(name, counted > expected ? "ballots are missing: they were deleted by hand" : "it has more ballots than votes: some were added by hand");
  }
  return tally;
}

void look_at_releases(Spi &spi, const Question &question, const std::optional<Tally> &tally, Findings &findings) {
  std::map<std::vector<std::string>, View> views;
  const Tally empty = question.empty_tally();
  for (const View view : empty.views())
    views.emplace(view_name(question.dimensions, view), view);
  spi.stream(select_releases, {value(question.id)}, [&](const Rows &rows, std::size_t i) {
    const auto names = rows.get<std::vector<std::string>>(i, 2);
    const auto number = rows.get<std::int32_t>(i, 3);
    const auto cells = rows.get<Bytes>(i, 4);
    std::string list;
    for (const std::string &part : names)
      list += (list.empty() ? "" : ", ") + part;
    findings.look("release " + std::to_string(number) + " of question " + to_text(question.id) + " by (" + list + ")", [&] {
      PublishedView{cells};
      const auto view = views.find(names);
      if (view == views.end())
        throw Error(Errc::corrupted, "the question is not published by these dimensions");
      if (tally && number > 0 && rows.get<bool>(i, 5) && pack_release(question.header(), question.dimensions, *tally, view->second) != cells)
        throw Error(Errc::corrupted, "it differs from the tally");
    });
  });
}

} // namespace

ROUGHLY_FUNCTION(roughly_check) {
  Findings findings(fcinfo);
  const AsOwner owner;
  Spi spi;
  if (!findings.look("the key file", [&] { static_cast<void>(keys::earlier(spi)); }))
    return void_result(); // nothing opens without it
  look_at_sealed_values(spi, findings);
  const Rows rows = spi.read_latest(select_questions);
  for (std::size_t i = 0; i < rows.size(); ++i)
    findings.look("question " + to_text(rows.get<Uuid>(i, 1)), [&] {
      const Question question = read_question(spi, rows.get<Uuid>(i, 1));
      const std::optional<Tally> tally = look_at_counts(spi, question, findings);
      look_at_releases(spi, question, tally, findings);
    });
  return void_result();
}

ROUGHLY_FUNCTION(roughly_status) {
  RowSet result(fcinfo);
  const auto put = [&](const std::string &item, const std::string &status, const std::optional<std::int64_t> &since) {
    result.put({value(std::string_view(item)), value(std::string_view(status)), value(since)});
  };
  const AsOwner owner;
  Spi spi;
  std::string key_file = "ok";
  try {
    static_cast<void>(keys::earlier(spi));
  } catch (const Error &error) {
    key_file = error.what();
  }
  put("key file", key_file, std::nullopt);
  const Rows rotation = spi.read_latest(select_rotation);
  put("rotation", rotation.empty() ? "ok" : "not finished", rotation.empty() ? std::nullopt : rotation.optional<std::int64_t>(0, 1));
  const auto mail = spi.read_latest(select_mail).optional<std::int64_t>(0, 1);
  put("mail", mail ? "waiting" : "ok", mail);
  const Rows waiting = spi.read_latest(select_waiting);
  for (std::size_t i = 0; i < waiting.size(); ++i)
    put("question " + to_text(waiting.get<Uuid>(i, 1)), waiting.get<std::string>(i, 2), waiting.optional<std::int64_t>(i, 3));
  return void_result();
}
