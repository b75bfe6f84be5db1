// libsodium alone: hashes and verifies a password COUNT times as roughly_auth does by default; prints CPU seconds of one pair.
//
//   argon2 COUNT
#include <array>
#include <ctime>
#include <iostream>
#include <sodium.h>
#include <string>

int main(int count, char **arguments) {
  if (count != 2 || sodium_init() < 0) {
    std::cerr << "usage: argon2 COUNT\n";
    return 2;
  }
  constexpr unsigned long long passes = 2;
  constexpr std::size_t memory = 19456 * 1024;
  const std::string password = "correct horse battery staple";
  std::array<char, crypto_pwhash_STRBYTES> phc{};
  const int times = std::stoi(arguments[1]);
  const std::clock_t start = std::clock();
  for (int i = 0; i < times; ++i)
    if (crypto_pwhash_str_alg(phc.data(), password.data(), password.size(), passes, memory, crypto_pwhash_ALG_ARGON2ID13) != 0 ||
        crypto_pwhash_str_verify(phc.data(), password.data(), password.size()) != 0)
      return 1;
  std::cout << static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / times << '\n';
}
