// Makes sealed ballots for a benchmark, as COPY text for roughly.ballots: with the key file in hand, and without the
// accounts that would have to log in one by one.
//
//   make_ballots KEY_FILE QUESTION_ID CHOICES CATEGORIES[,CATEGORIES...] COUNT     random ballots
//   make_ballots KEY_FILE QUESTION_ID CHOICES CATEGORIES[,CATEGORIES...] -         from stdin: choice and categories, as numbers
#include "core/ballot.hpp"
#include "core/keyring.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <sstream>

namespace {

using namespace roughly;

std::vector<int> numbers(const std::string &text) {
  std::vector<int> list;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, ',');)
    list.push_back(std::stoi(item));
  return list;
}

void print(const Key &key, const Uuid &question, int choice, const std::vector<int> &categories) {
  Ballot ballot{static_cast<std::uint8_t>(choice), true, {}};
  for (const int category : categories)
    ballot.snapshot.push_back(static_cast<unsigned char>(category));
  const Uuid id = random_uuid();
  const Bytes sealed = seal_ballot(key.subkey<Purpose::ballot>(), question, id, ballot);
  std::cout << to_text(question) << '\t' << to_text(id) << "\t\\\\x" << to_hex(sealed) << '\n';
}

} // namespace

int main(int count, char **arguments) {
  if (count != 6 || sodium_init() < 0) {
    std::cerr << "usage: make_ballots KEY_FILE QUESTION_ID CHOICES CATEGORIES COUNT|-\n";
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
  const int choices = std::stoi(arguments[3]);
  const std::vector<int> sizes = numbers(arguments[4]);
  std::ios::sync_with_stdio(false);

  if (std::string(arguments[5]) == "-") {
    for (std::string line; std::getline(std::cin, line);) {
      std::vector<int> row = numbers(line);
      const int choice = row.front();
      row.erase(row.begin());
      print(ring.newest(), question, choice, row);
    }
    return 0;
  }
  std::mt19937 random(1);
  const auto below = [&](int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random); };
  for (long left = std::stol(arguments[5]); left > 0; --left) {
    std::vector<int> categories;
    for (const int size : sizes)
      categories.push_back(1 + below(size));
    print(ring.newest(), question, below(choices), categories);
  }
}
