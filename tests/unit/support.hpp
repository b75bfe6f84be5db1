// What the unit tests share: expected errors, fixed identifiers and keys, small polls.
#pragma once

#include "core/keyring.hpp"
#include "core/release_rule.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <set>

namespace roughly::test {

// Passes when `action` throws an Error of this code.
template <class Action> ::testing::AssertionResult throws(Errc code, Action &&action) {
  try {
    action();
  } catch (const Error &error) {
    if (error.code() == code)
      return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "another error: " << error.what();
  }
  return ::testing::AssertionFailure() << "no error";
}

// The error `action` throws; a failure of the test when it throws none.
template <class Action> Error error_of(Action &&action) {
  try {
    action();
  } catch (const Error &error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return Error(Errc::internal, "no error");
}

inline bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

inline Uuid uuid(unsigned char last) {
  return {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0x4d, 0xef, 0x80, 0, 0, 0, 0, 0, 0, last};
}

inline Key key(KeyId id, unsigned char filling) {
  const Bytes master(key_size, filling);
  return Key(id, KeyBytes(master.data(), key_size));
}

// Some key. No global: keys need sodium_init().
inline const Key &some_key() {
  static const Key some = key(1, 0xaa);
  return some;
}

inline SecretBytes secret(std::string_view text) {
  return {text.begin(), text.end()};
}

// Calls `visit(changed, bit)` with every copy of `bytes` that differs in one bit.
template <class Container, class Visit> void for_each_bit_flip(const Container &bytes, Visit visit) {
  Container changed = bytes;
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    const auto mask = static_cast<unsigned char>(1u << bit % 8);
    changed[bit / 8] ^= mask;
    visit(changed, bit);
    changed[bit / 8] ^= mask;
  }
}

// Every proper prefix is refused as corrupted.
template <class Read> void expect_no_prefix_reads(ByteView bytes, Read read) {
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_TRUE(throws(Errc::corrupted, [&] { read(bytes.first(size)); })) << "cut to " << size;
}

inline Dimension dimension(std::string name, std::vector<std::string> categories) {
  return checked_dimension({name, name, name, DimensionKind::categories, std::move(categories), {}});
}
inline Dimension bands(std::string name, std::vector<std::int64_t> edges) {
  return checked_dimension({name, name, name, DimensionKind::bands, {}, std::move(edges)});
}
inline Dimension codes(std::string name) {
  return checked_dimension({name, name, name, DimensionKind::codes, {}, {}});
}

// Determinant of a small matrix of whole numbers (Bareiss); every step stays whole.
inline std::int64_t determinant(std::vector<std::vector<std::int64_t>> m) {
  std::int64_t sign = 1, previous = 1;
  const std::size_t n = m.size();
  for (std::size_t step = 0; step < n; ++step) {
    std::size_t pivot = step;
    while (pivot < n && m[pivot][step] == 0)
      ++pivot;
    if (pivot == n)
      return 0;
    if (pivot != step) {
      std::swap(m[pivot], m[step]);
      sign = -sign;
    }
    for (std::size_t i = step + 1; i < n; ++i)
      for (std::size_t j = step + 1; j < n; ++j)
        m[i][j] = (m[i][j] * m[step][step] - m[i][step] * m[step][j]) / previous;
    previous = m[step][step];
  }
  return sign * previous;
}

// One person of a small poll: the category of each dimension as a digit, 0 for "not stated".
struct Person {
  std::string profile;
  std::uint8_t choice = 0;
  bool eligible = true;
};
using People = std::vector<Person>;

inline People times(std::size_t n, const Person &person) {
  return People(n, person);
}
inline People operator+(People some, const People &others) {
  some.insert(some.end(), others.begin(), others.end());
  return some;
}

// A name for a cell: one character per dimension, '*' where the view does not have it.
using Name = std::string;

inline bool covers(const Name &cell, const std::string &profile) {
  for (std::size_t d = 0; d < cell.size(); ++d)
    if (cell[d] != '*' && cell[d] != profile[d])
      return false;
  return true;
}

// A question of dimensions with digits for categories, counted and published batch by batch as the module does.
class Poll {
public:
  Poll(std::size_t dimensions, std::size_t choices, std::size_t max_dims, Policy policy)
      : dimensions_(dimensions), policy_(policy), tally_(layout(dimensions), choices, max_dims) {}

  Proof release(const People &people) {
    BallotBox box(dimensions_);
    for (std::size_t i = 0; i < people.size(); ++i)
      box.add(uuid(static_cast<unsigned char>(i)),
              {people[i].choice, people[i].eligible, secret(people[i].profile)});
    batches_.push_back(people);
    return release_batch(tally_, count_profiles(box, tally_.choices()), policy_, releases());
  }

  [[nodiscard]] const Tally &tally() const { return tally_; }
  [[nodiscard]] std::uint32_t releases() const { return static_cast<std::uint32_t>(batches_.size()); }
  [[nodiscard]] const People &batch(std::uint32_t release) const { return batches_[release - 1]; }

  [[nodiscard]] Name name(Tally::CellId id) const {
    Name text;
    std::size_t place = 0;
    for (std::size_t d = 0; d < dimensions_; ++d)
      text += contains(tally_.cell(id).view, d) ? tally_.cell(id).values[place++] : '*';
    return text;
  }
  // Each published cell and the release it is as of.
  [[nodiscard]] std::map<Name, std::uint32_t> published() const {
    std::map<Name, std::uint32_t> cells;
    for (Tally::CellId id = 0; id < tally_.size(); ++id)
      if (tally_.cell(id).as_of != 0)
        cells[name(id)] = tally_.cell(id).as_of;
    return cells;
  }
  // What is published for a cell, summed over choices; 0 for a hidden one.
  [[nodiscard]] Count shown(const Name &wanted) const {
    for (Tally::CellId id = 0; id < tally_.size(); ++id)
      if (name(id) == wanted)
        return std::accumulate(tally_.cell(id).published.begin(), tally_.cell(id).published.end(), Count{0});
    return 0;
  }

private:
  static SnapshotLayout layout(std::size_t dimensions) {
    return SnapshotLayout(std::vector<Dimension>(dimensions, dimension("d", {"1"})));
  }
  std::size_t dimensions_;
  Policy policy_;
  Tally tally_;
  std::vector<People> batches_;
};

// The same polls on every machine: std::mt19937 is specified to the bit, the library's distributions are not.
class Dice {
public:
  explicit Dice(std::uint32_t seed) : engine_(seed) {}
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(engine_() % n); }
  template <class T> void shuffle(std::vector<T> &things) {
    for (std::size_t left = things.size(); left > 1; --left)
      std::swap(things[left - 1], things[below(static_cast<std::uint32_t>(left))]);
  }

private:
  std::mt19937 engine_;
};

// Skewed profiles, so that some cells stay small.
inline People random_people(Dice &dice, std::size_t count, std::size_t dimensions, std::uint32_t categories,
                            std::uint32_t choices) {
  People people(count);
  for (Person &person : people) {
    for (std::size_t d = 0; d < dimensions; ++d)
      person.profile += static_cast<char>('0' + dice.below(1 + dice.below(categories)));
    person.choice = static_cast<std::uint8_t>(dice.below(choices));
    person.eligible = dice.below(10) != 0;
  }
  return people;
}

inline Count recount(const Poll &poll, const Name &cell, std::uint32_t as_of, std::uint8_t choice) {
  Count count = 0;
  for (std::uint32_t batch = 1; batch <= as_of; ++batch)
    for (const Person &person : poll.batch(batch))
      count += covers(cell, person.profile) && person.choice == choice ? 1 : 0;
  return count;
}

struct Round {
  std::size_t dimensions, max_dims, releases, batch;
  std::uint32_t categories;
  Policy policy;
};
inline const Round rounds[] = {
    {1, 1, 5, 25, 6, {3, 512}}, {2, 1, 4, 30, 4, {4, 512}}, {2, 2, 4, 40, 4, {2, 512}},
    {3, 2, 3, 60, 3, {3, 512}}, {3, 3, 3, 90, 2, {5, 512}}, {4, 2, 3, 120, 4, {3, 10}},
};

// Runs every kind of poll with several seeds; `visit(poll, proof, before)` after each release.
template <class Visit> void for_each_release(Visit visit) {
  for (const Round &round : rounds)
    for (std::uint32_t seed = 0; seed < 8; ++seed) {
      Dice dice(seed);
      Poll poll(round.dimensions, 3, round.max_dims, round.policy);
      for (std::size_t release = 0; release < round.releases; ++release) {
        const auto before = poll.published();
        const Proof proof = poll.release(random_people(dice, round.batch, round.dimensions, round.categories, 3));
        visit(poll, proof, before, round.policy);
      }
    }
}

} // namespace roughly::test
