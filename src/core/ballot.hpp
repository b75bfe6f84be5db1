// Ballots: the sealed choice and snapshot, with no link to the voter. One waiting ballot is one sealed value; the
// ballots of a frozen batch are shuffled and sealed again in blocks.
#pragma once

#include "core/sealed_box.hpp"

namespace roughly {

struct Ballot {
  std::uint8_t choice = 0; // index into the question's choices
  bool eligible = false;   // may serve as a witness; never depends on a choice
  SecretBytes snapshot;
};

// Always the same length for one question. `id`: random, and of this ballot only.
Bytes seal_ballot(Subkey<Purpose::ballot> key, const Uuid &question, const Uuid &id, const Ballot &ballot);

// The ballots of a batch in memory: 18 bytes and a snapshot each, wiped on destruction. They lie in chunks, for a vector
// that grows copies everything, needs half as much again meanwhile, and has the system hand out twice the pages.
class BallotBox {
public:
  explicit BallotBox(std::size_t snapshot_size) : record_size_(header_size + snapshot_size) {}

  void add(const Uuid &id, const Ballot &ballot);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  void shuffle(); // Fisher-Yates with libsodium's randomness

  [[nodiscard]] ByteView id(std::size_t i) const noexcept { return record(i).first(sizeof(Uuid)); }
  [[nodiscard]] std::uint8_t choice(std::size_t i) const noexcept { return record(i)[sizeof(Uuid)]; }
  [[nodiscard]] bool eligible(std::size_t i) const noexcept { return record(i)[sizeof(Uuid) + 1] != 0; }
  [[nodiscard]] ByteView snapshot(std::size_t i) const noexcept { return record(i).subspan(header_size); }

  // A batch is stored as blocks of up to 64 KiB, numbered from 0. Each is bound to its place and to how many there
  // are: a batch that lost a block, or has two in exchanged places, does not open.
  struct Block {
    Uuid question;
    std::uint32_t batch, number, blocks;
  };
  [[nodiscard]] std::uint32_t blocks() const noexcept;
  [[nodiscard]] Bytes seal_block(Subkey<Purpose::batch> key, const Block &block) const;
  void add_block(Subkey<Purpose::batch> key, const Block &block, ByteView sealed); // Errc::corrupted

private:
  friend class BallotOpener;
  using Record = std::span<unsigned char>;
  static constexpr std::size_t header_size = sizeof(Uuid) + 2;
  static constexpr std::size_t chunk_size = 2048; // in records

  [[nodiscard]] ByteView record(std::size_t i) const noexcept {
    return ByteView(chunks_[i / chunk_size]).subspan(i % chunk_size * record_size_, record_size_);
  }
  [[nodiscard]] Record record(std::size_t i) noexcept {
    return Record(chunks_[i / chunk_size]).subspan(i % chunk_size * record_size_, record_size_);
  }
  Record append();                                   // room for one more record
  void drop_last() noexcept { --size_; }             // what append() gave
  [[nodiscard]] std::size_t records_per_block() const noexcept { return 64 * 1024 / record_size_; }

  std::size_t record_size_;
  std::size_t size_ = 0;
  std::vector<SecretBytes> chunks_;
};

// Opens the waiting ballots of a question into a box: each in its place, with nothing allocated for it.
class BallotOpener {
public:
  BallotOpener(const Uuid &question, BallotBox &box);
  // Errc::corrupted unless this is ballot `id` of the question, with a snapshot of the length that the box holds.
  void add(Subkey<Purpose::ballot> key, const Uuid &id, ByteView sealed);

private:
  BallotBox &box_;
  Bytes data_;                   // that a ballot of versions before 1.2 is sealed with; ends with its id
  std::optional<NamedBox> seal_; // of the last one's key
};

} // namespace roughly
