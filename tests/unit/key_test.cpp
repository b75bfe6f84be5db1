#include "support.hpp"

namespace roughly::test {
namespace {

template <Purpose P> Bytes bytes_of(const Key &key) {
  const Subkey<P> subkey = key.subkey<P>();
  return {subkey.bytes.begin(), subkey.bytes.end()};
}

template <std::size_t... Place> std::set<Bytes> subkeys_of(const Key &key, std::index_sequence<Place...>) {
  return {bytes_of<static_cast<Purpose>(Place + 1)>(key)...};
}

TEST(Key, HasASubkeyOfItsOwnForEveryPurpose) {
  const std::set<Bytes> subkeys = subkeys_of(key(1, 0xaa), std::make_index_sequence<purposes>());
  EXPECT_EQ(subkeys.size(), purposes);
  EXPECT_FALSE(subkeys.contains(Bytes(key_size, 0xaa))); // nor is one the master key
}

TEST(Key, DerivesTheSubkeysThatStoredDataWasSealedWith) {
  const Bytes master(key_size, 0xaa);
  Bytes expected(key_size);
  crypto_kdf_derive_from_key(expected.data(), key_size, 4, "roughly1", master.data());
  EXPECT_EQ(bytes_of<Purpose::ballot>(key(9, 0xaa)), expected);
}

TEST(Key, IsTheSameForTheSameMasterOnly) {
  EXPECT_EQ(bytes_of<Purpose::tally>(key(1, 1)), bytes_of<Purpose::tally>(key(2, 1)));
  EXPECT_NE(bytes_of<Purpose::tally>(key(1, 1)), bytes_of<Purpose::tally>(key(1, 2)));
}

TEST(Key, SubkeysCarryItsNumber) {
  EXPECT_EQ(key(258, 1).subkey<Purpose::token>().id, 258);
}

TEST(Key, IsToldApartByItsFingerprint) {
  const std::string fingerprint = key(1, 1).fingerprint();
  EXPECT_EQ(fingerprint.size(), 32u);
  EXPECT_EQ(fingerprint.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(fingerprint, key(2, 1).fingerprint());
  EXPECT_NE(fingerprint, key(1, 2).fingerprint());
}

} // namespace
} // namespace roughly::test
