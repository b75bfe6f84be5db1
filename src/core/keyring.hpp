// The key file's contents: every key this installation has had, by number.
//
//   roughly_auth keyring 1
//   # comment
//   key 1 <64 hexadecimal digits>
//   key 2 <64 hexadecimal digits>
//   checksum <32 hexadecimal digits: BLAKE2b-128 of everything above>
#pragma once

#include "core/key.hpp"

namespace roughly {

class Keyring {
public:
  static constexpr std::size_t max_file_size = 64 * 1024;

  // Reads a key file. Errc::key_file_unusable says which line is wrong, never what stands in it.
  static Keyring parse(ByteView file);
  // The text of a new key file with one random key, number 1.
  static SecretBytes generate();
  // The text of a file with one random key more, its number one higher. Errc::key_file_unusable, Errc::program_limit.
  static SecretBytes extended(ByteView file);

  [[nodiscard]] const Key *find(KeyId id) const noexcept;
  [[nodiscard]] const Key &newest() const noexcept { return keys_.back(); }
  [[nodiscard]] bool operator==(const Keyring &other) const; // by numbers and fingerprints
  [[nodiscard]] const std::vector<Key> &keys() const noexcept { return keys_; }
  [[nodiscard]] std::string ids() const; // "1, 2", for messages

private:
  std::vector<Key> keys_; // ascending numbers, at least one
};

} // namespace roughly
