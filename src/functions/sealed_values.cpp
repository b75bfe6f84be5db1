#include "functions/sealed_values.hpp"

#include "core/bindings.hpp"
#include "functions/counted.hpp"
#include "functions/vote_store.hpp"

namespace roughly {
namespace {

using pg::Rows;
using pg::Spi;
using pg::Statement;
using pg::value;

// What belongs to an account, or is known by an id of its own.
struct Kind {
  Purpose purpose;
  const char *name;
  Statement select;  // $1: after this id -> id, sealed, address
  Statement replace; // $1 id, $2 the value as it was, $3 the new one
  Binding (*binding)(const Uuid &id, std::string_view address);
};

constinit Kind kinds[] = {
    {Purpose::email, "the address of account ",
     {"SELECT id, email_seal, email FROM roughly.users WHERE id > $1 ORDER BY id LIMIT 500", {UUIDOID}},
     {"UPDATE roughly.users SET email_seal = $3 WHERE id = $1 AND email_seal = $2", {UUIDOID, BYTEAOID, BYTEAOID}},
     [](const Uuid &id, std::string_view address) { return bound_to::email(id, address); }},
    {Purpose::vote_secret, "the vote secret of account ",
     {"SELECT id, vote_secret, '' FROM roughly.users WHERE id > $1 ORDER BY id LIMIT 500", {UUIDOID}},
     {"UPDATE roughly.users SET vote_secret = $3 WHERE id = $1 AND vote_secret = $2", {UUIDOID, BYTEAOID, BYTEAOID}},
     [](const Uuid &id, std::string_view) { return bound_to::vote_secret(id); }},
    {Purpose::password, "the password of account ",
     {"SELECT id, hashed_password, '' FROM roughly.users WHERE id > $1 AND hashed_password IS NOT NULL ORDER BY id LIMIT 500", {UUIDOID}},
     {"UPDATE roughly.users SET hashed_password = $3 WHERE id = $1 AND hashed_password = $2", {UUIDOID, BYTEAOID, BYTEAOID}},
     [](const Uuid &id, std::string_view) { return bound_to::password(id); }},
    {Purpose::factor, "second factor ",
     {"SELECT id, sealed, '' FROM roughly.mfa_factors WHERE id > $1 ORDER BY id LIMIT 500", {UUIDOID}},
     {"UPDATE roughly.mfa_factors SET sealed = $3 WHERE id = $1 AND sealed = $2", {UUIDOID, BYTEAOID, BYTEAOID}},
     [](const Uuid &id, std::string_view) { return bound_to::factor(id); }},
    {Purpose::mail, "mail order ",
     {"SELECT id, sealed, '' FROM roughly.mail_outbox WHERE id > $1 ORDER BY id LIMIT 500", {UUIDOID}},
     {"UPDATE roughly.mail_outbox SET sealed = $3 WHERE id = $1 AND sealed = $2", {UUIDOID, BYTEAOID, BYTEAOID}},
     [](const Uuid &id, std::string_view) { return bound_to::mail(id); }},
};

constinit Statement next_question{"SELECT id FROM roughly.questions WHERE id > $1 ORDER BY id LIMIT 1", {UUIDOID}};
constinit Statement replace_policy{"UPDATE roughly.questions SET policy_seal = $3 WHERE id = $1 AND policy_seal = $2", {UUIDOID, BYTEAOID, BYTEAOID}};
constinit Statement select_tally{ // with the release it is bound to
    "SELECT t.sealed, q.release FROM roughly.tallies t JOIN roughly.questions q ON q.id = t.question_id WHERE q.id = $1", {UUIDOID}};
constinit Statement replace_tally{"UPDATE roughly.tallies SET sealed = $3 WHERE question_id = $1 AND sealed = $2", {UUIDOID, BYTEAOID, BYTEAOID}};
constinit Statement select_blocks{
    "SELECT batch_no, block_no, blocks, sealed FROM roughly.batches WHERE question_id = $1 AND (batch_no, block_no) > ($2, $3)"
    " ORDER BY batch_no, block_no LIMIT 16",
    {UUIDOID, INT4OID, INT4OID}};
constinit Statement replace_block{
    "UPDATE roughly.batches SET sealed = $5 WHERE question_id = $1 AND batch_no = $2 AND block_no = $3 AND sealed = $4",
    {UUIDOID, INT4OID, INT4OID, BYTEAOID, BYTEAOID}};

constexpr std::int32_t before_all = -1;

} // namespace

bool SealedValues::next(Spi &spi, const std::function<void(const SealedValue &)> &visit) {
  switch (stage_) {
  case Stage::accounts: {
    Kind &kind = kinds[kind_];
    const Rows rows = spi.read_latest(kind.select, {value(id_)});
    for (std::size_t i = 0; i < rows.size(); ++i) {
      id_ = rows.get<Uuid>(i, 1);
      const auto sealed = rows.get<Bytes>(i, 2);
      visit({kind.purpose, kind.name + to_text(id_), sealed, kind.binding(id_, rows.get<std::string>(i, 3)),
             [&](ByteView fresh) { spi.write(kind.replace, {value(id_), value(ByteView(sealed)), value(fresh)}); }});
    }
    if (rows.empty()) {
      id_ = {};
      stage_ = ++kind_ < std::size(kinds) ? Stage::accounts : Stage::question;
    }
    return true;
  }
  case Stage::question: {
    const Rows found = spi.read_latest(next_question, {value(question_)});
    if (found.empty())
      return false;
    question_ = found.get<Uuid>(0, 1);
    const Question question = read_question(spi, question_);
    visit({Purpose::question, "the policy of question " + to_text(question_), question.policy_seal, question.policy_binding(), [&](ByteView fresh) {
             spi.write(replace_policy, {value(question_), value(ByteView(question.policy_seal)), value(fresh)});
           }});
    const Rows tally = spi.read_latest(select_tally, {value(question_)});
    if (!tally.empty()) {
      const auto sealed = tally.get<Bytes>(0, 1);
      const auto release = static_cast<std::uint32_t>(tally.get<std::int32_t>(0, 2));
      visit({Purpose::tally, "the tally of question " + to_text(question_), sealed, bound_to::tally(question_, release), [&](ByteView fresh) {
               hold_question(spi, question_);
               spi.write(replace_tally, {value(question_), value(ByteView(sealed)), value(fresh)});
             }});
    }
    stage_ = Stage::ballots;
    return true;
  }
  case Stage::ballots: {
    const std::vector<vote_store::WaitingBallot> ballots = vote_store::following(spi, question_, id_);
    for (const vote_store::WaitingBallot &ballot : ballots) {
      id_ = ballot.id;
      visit({Purpose::ballot, "ballot " + to_text(id_) + " of question " + to_text(question_), ballot.sealed, bound_to::ballot(question_, id_),
             [&](ByteView fresh) {
               hold_question(spi, question_);
               vote_store::replace(spi, question_, ballot, fresh);
             }});
    }
    if (ballots.empty()) {
      id_ = {};
      batch_ = number_ = before_all;
      stage_ = Stage::blocks;
    }
    return true;
  }
  case Stage::blocks: {
    const Rows rows = spi.read_latest(select_blocks, {value(question_), value(batch_), value(number_)});
    for (std::size_t i = 0; i < rows.size(); ++i) {
      batch_ = rows.get<std::int32_t>(i, 1);
      number_ = rows.get<std::int32_t>(i, 2);
      const auto sealed = rows.get<Bytes>(i, 4);
      const auto blocks = static_cast<std::uint32_t>(rows.get<std::int32_t>(i, 3));
      visit({Purpose::batch, "block " + std::to_string(number_) + " of " + batch_name(question_, static_cast<std::uint32_t>(batch_)), sealed,
             bound_to::block(question_, static_cast<std::uint32_t>(batch_), static_cast<std::uint32_t>(number_), blocks), [&](ByteView fresh) {
               hold_question(spi, question_);
               spi.write(replace_block, {value(question_), value(batch_), value(number_), value(ByteView(sealed)), value(fresh)});
             }});
    }
    if (rows.empty())
      stage_ = Stage::question;
    return true;
  }
  }
  return false;
}

} // namespace roughly
