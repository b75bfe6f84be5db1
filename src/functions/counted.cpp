#include "functions/counted.hpp"

namespace roughly {
namespace {

using pg::Rows;
using pg::Spi;
using pg::Statement;
using pg::value;
namespace keys = pg::keys;

constinit Statement select_blocks{
    "SELECT block_no, blocks, sealed FROM roughly.batches WHERE question_id = $1 AND batch_no = $2 ORDER BY block_no", {UUIDOID, INT4OID}};
constinit Statement select_tally{"SELECT t.sealed, q.release FROM roughly.tallies t JOIN roughly.questions q ON q.id = t.question_id WHERE q.id = $1",
                                 {UUIDOID}};

} // namespace

std::string batch_name(const Uuid &question, std::uint32_t batch) {
  return "batch " + std::to_string(batch) + " of question " + to_text(question);
}

bool open_batch(Spi &spi, const Uuid &question, std::uint32_t batch, BallotBox &box) {
  std::uint32_t next = 0, expected = 0;
  spi.stream(select_blocks, {value(question), value(static_cast<std::int32_t>(batch))}, [&](const Rows &rows, std::size_t i) {
    const auto number = static_cast<std::uint32_t>(rows.get<std::int32_t>(i, 1));
    expected = static_cast<std::uint32_t>(rows.get<std::int32_t>(i, 2));
    if (number != next++)
      throw Error(Errc::corrupted, batch_name(question, batch) + " lacks a block");
    const auto sealed = rows.get<Bytes>(i, 3);
    opened([&] { return batch_name(question, batch); }, [&] {
      box.add_block(keys::by_id(spi, sealing_key(sealed)).subkey<Purpose::batch>(), {question, batch, number, expected}, sealed);
    });
  });
  if (next != expected)
    throw Error(Errc::corrupted, batch_name(question, batch) + " lacks a block");
  return next > 0;
}

std::optional<Tally> open_tally(Spi &spi, const Question &question, std::uint32_t release) {
  Tally tally = question.empty_tally();
  if (release == 0)
    return tally;
  const Rows rows = spi.read_latest(select_tally, {value(question.id)});
  if (rows.empty())
    throw Error(Errc::corrupted, "the tally of question " + to_text(question.id) + " is missing");
  if (static_cast<std::uint32_t>(rows.get<std::int32_t>(0, 2)) != question.release)
    return std::nullopt;
  const auto sealed = rows.get<Bytes>(0, 1);
  opened([&] { return "the tally of question " + to_text(question.id); },
         [&] { tally.open(keys::by_id(spi, sealing_key(sealed)).subkey<Purpose::tally>(), question.id, release, sealed); });
  return tally;
}

Tally recount(Spi &spi, const Question &question) {
  Tally tally = question.empty_tally();
  for (std::uint32_t batch = 1; batch <= question.release; ++batch) {
    BallotBox box(question.layout().size());
    if (!open_batch(spi, question.id, batch, box))
      throw Error(Errc::not_open, "batch " + std::to_string(batch) + " of the question has been forgotten and cannot be counted again");
    for (const Profile &profile : count_profiles(box, question.choices.size()))
      tally.add(profile);
  }
  return tally;
}

} // namespace roughly
