#include "core/ballot.hpp"

#include <algorithm>

#include "core/bindings.hpp"
#include "core/random_stream.hpp"
#include "core/core_only.hpp"

namespace roughly {
namespace {

constexpr std::uint8_t ballot_format = 0x01;
constexpr std::uint8_t block_format = 0x01;

Binding binding(const BallotBox::Block &block) {
  return bound_to::block(block.question, block.batch, block.number, block.blocks);
}

} // namespace

Bytes seal_ballot(Subkey<Purpose::ballot> key, const Uuid &question, const Uuid &id, const Ballot &ballot) {
  Writer<SecretBytes> plain;
  plain.u8(ballot_format);
  plain.u8(ballot.choice);
  plain.u8(ballot.eligible ? 1 : 0);
  plain.raw(ballot.snapshot);
  return seal(key, std::move(plain).take(), bound_to::ballot(question, id));
}

Ballot open_ballot(Subkey<Purpose::ballot> key, const Uuid &question, const Uuid &id, ByteView sealed, std::size_t snapshot_size) {
  SecretBytes plain = open(key, sealed, bound_to::ballot(question, id));
  Reader in(plain);
  if (in.u8() != ballot_format)
    throw Error(Errc::corrupted, "a ballot has an unknown format");
  Ballot ballot;
  ballot.choice = in.u8();
  ballot.eligible = in.u8() != 0;
  const ByteView snapshot = in.raw(snapshot_size);
  in.end();
  plain.erase(plain.begin(), plain.end() - static_cast<std::ptrdiff_t>(snapshot.size()));
  ballot.snapshot = std::move(plain);
  return ballot;
}

void BallotBox::add(const Uuid &id, const Ballot &ballot) {
  if (ballot.snapshot.size() + header_size != record_size_)
    throw Error(Errc::corrupted, "a ballot's snapshot has the wrong length");
  records_.insert(records_.end(), id.begin(), id.end());
  records_.push_back(ballot.choice);
  records_.push_back(ballot.eligible ? 1 : 0);
  records_.insert(records_.end(), ballot.snapshot.begin(), ballot.snapshot.end());
}

void BallotBox::shuffle() {
  RandomStream random;
  for (std::size_t left = size(); left > 1; --left) {
    if (left > 0xffffffffu)
      throw Error(Errc::program_limit, "a batch has more than 4294967295 ballots");
    const std::size_t other = random.below(static_cast<std::uint32_t>(left));
    const auto record = [&](std::size_t i) { return records_.begin() + static_cast<std::ptrdiff_t>(i * record_size_); };
    if (other != left - 1)
      std::swap_ranges(record(other), record(other + 1), record(left - 1));
  }
}

std::uint32_t BallotBox::blocks() const noexcept {
  return static_cast<std::uint32_t>((size() + records_per_block() - 1) / records_per_block());
}

Bytes BallotBox::seal_block(Subkey<Purpose::batch> key, const Block &block) const {
  const std::size_t first = block.number * records_per_block();
  const std::size_t count = std::min(records_per_block(), size() - first);
  Writer<SecretBytes> plain;
  plain.u8(block_format);
  plain.raw(ByteView(records_).subspan(first * record_size_, count * record_size_));
  return seal(key, std::move(plain).take(), binding(block));
}

void BallotBox::add_block(Subkey<Purpose::batch> key, const Block &block, ByteView sealed) {
  const SecretBytes plain = open(key, sealed, binding(block));
  Reader in(plain);
  if (in.u8() != block_format || in.left() == 0 || in.left() % record_size_ != 0)
    throw Error(Errc::corrupted, "a batch block has an unknown format");
  const ByteView records = in.raw(in.left());
  records_.insert(records_.end(), records.begin(), records.end());
}

} // namespace roughly
