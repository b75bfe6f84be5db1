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

// A chunk is made whole at once, but the first grows as it fills, since most boxes are small.
BallotBox::Record BallotBox::append() {
  const std::size_t chunk = size_ / chunk_size, begin = size_ % chunk_size * record_size_;
  if (chunk == chunks_.size())
    chunks_.emplace_back((chunk == 0 ? 1 : chunk_size) * record_size_);
  if (begin == chunks_[chunk].size())
    chunks_[chunk].resize(2 * begin);
  ++size_;
  return Record(chunks_[chunk]).subspan(begin, record_size_);
}

void BallotBox::add(const Uuid &id, const Ballot &ballot) {
  if (ballot.snapshot.size() + header_size != record_size_)
    throw Error(Errc::corrupted, "a ballot's snapshot has the wrong length");
  const Record record = append();
  std::copy(id.begin(), id.end(), record.begin());
  record[sizeof id] = ballot.choice;
  record[sizeof id + 1] = ballot.eligible ? 1 : 0;
  std::copy(ballot.snapshot.begin(), ballot.snapshot.end(), record.begin() + header_size);
}

void BallotBox::shuffle() {
  RandomStream random;
  for (std::size_t left = size(); left > 1; --left) {
    if (left > 0xffffffffu)
      throw Error(Errc::program_limit, "a batch has more than 4294967295 ballots");
    const std::size_t other = random.below(static_cast<std::uint32_t>(left));
    if (other != left - 1)
      std::swap_ranges(record(other).begin(), record(other).end(), record(left - 1).begin());
  }
}

std::uint32_t BallotBox::blocks() const noexcept {
  return static_cast<std::uint32_t>((size() + records_per_block() - 1) / records_per_block());
}

Bytes BallotBox::seal_block(Subkey<Purpose::batch> key, const Block &block) const {
  const std::size_t first = block.number * records_per_block();
  const std::size_t count = std::min(records_per_block(), size() - first);
  Writer<SecretBytes> plain;
  plain.reserve(1 + count * record_size_);
  plain.u8(block_format);
  for (std::size_t i = first; i < first + count; ++i)
    plain.raw(record(i));
  return seal(key, std::move(plain).take(), binding(block));
}

void BallotBox::add_block(Subkey<Purpose::batch> key, const Block &block, ByteView sealed) {
  const SecretBytes plain = open(key, sealed, binding(block));
  Reader in(plain);
  if (in.u8() != block_format || in.left() == 0 || in.left() % record_size_ != 0)
    throw Error(Errc::corrupted, "a batch block has an unknown format");
  while (in.left() > 0) {
    const ByteView record = in.raw(record_size_);
    std::copy(record.begin(), record.end(), append().begin());
  }
}

BallotOpener::BallotOpener(const Uuid &question, BallotBox &box)
    : box_(box), data_(bound_to::ballot(question, {}).take(std::array<unsigned char, seal_header>{})) {}

// The plain ballot ends as a record does, and its format byte falls on the last of the id, which is written afterwards.
void BallotOpener::add(Subkey<Purpose::ballot> key, const Uuid &id, ByteView sealed) {
  const BallotBox::Record record = box_.append();
  try {
    const BallotBox::Record plain = record.subspan(BallotBox::header_size - 3);
    if (is_named(sealed)) {
      if (!seal_ || seal_->id() != key.id)
        seal_.emplace(key.id, key.bytes, ByteView(data_).first(data_.size() - sizeof id));
      seal_->open(id, sealed, plain);
    } else {
      std::copy_n(sealed.begin(), std::min(sealed.size(), seal_header), data_.begin());
      std::copy(id.begin(), id.end(), data_.end() - sizeof id);
      open(key.bytes, sealed, data_, plain);
    }
    if (plain[0] != ballot_format)
      throw Error(Errc::corrupted, "a ballot has an unknown format");
  } catch (...) {
    box_.drop_last();
    throw;
  }
  std::copy(id.begin(), id.end(), record.begin());
}

} // namespace roughly
