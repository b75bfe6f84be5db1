// Makes sealed ballots for a benchmark, as COPY text for roughly.ballots: with the key file in hand, and without the
// accounts that would have to log in one by one.
//
//   make_ballots KEY_FILE QUESTION_ID CHOICES CATEGORIES[,CATEGORIES...] COUNT
#include "ballots.hpp"

#include "core/keyring.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>

namespace {

using namespace roughly;

void print(const Key &key, const Uuid &question, const Ballot &ballot) {
  const Uuid id = random_uuid();
  const Bytes sealed = seal_ballot(key.subkey<Purpose::ballot>(), question, id, ballot);
  std::cout << to_text(question) << '\t' << to_text(id) << "\t\\\\x" << to_hex(sealed) << '\n';
}

} // namespace

int main(int count, char **arguments) {
  if (count != 6 || sodium_init() < 0) {
    std::cerr << "usage: make_ballots KEY_FILE QUESTION_ID CHOICES CATEGORIES COUNT\n";
    return 2;
  }
  std::ifstream file(arguments[1], std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const Keyring ring = Keyring::parse(view(text));
  std::string hex = arguments[2];
  std::erase(hex, '-');
  const std::optional<SecretBytes> bytes = from_hex(hex);
  Uuid question;
  std::copy_n(bytes.value().begin(), question.size(), question.begin());
  std::ios::sync_with_stdio(false);

  RandomBallots ballots(std::stoi(arguments[3]), numbers(arguments[4]));
  for (long left = std::stol(arguments[5]); left > 0; --left)
    print(ring.newest(), question, ballots.next());
}
