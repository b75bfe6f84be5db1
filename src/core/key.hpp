// One key of the keyring: a number, and a typed subkey for each purpose. A subkey of one purpose
// cannot be handed to code that expects another: the types differ.
#pragma once

#include "core/secure_buffer.hpp"

namespace roughly {

using KeyId = std::uint16_t; // 1 and up; 0 marks a blob sealed with a key of the person's own

enum class Purpose : std::uint64_t { fingerprint = 1, password, vote_secret, ballot, batch, tally, token, email, mail, factor, question, digests };
inline constexpr std::size_t purposes = 12;
inline constexpr std::size_t key_size = 32;

using KeyBytes = std::span<const unsigned char, key_size>;

template <Purpose> struct Subkey {
  KeyId id;
  KeyBytes bytes; // lives as long as the Key it came from
};

class Key {
public:
  // Derives the subkeys by BLAKE2b (libsodium crypto_kdf, context "roughly1"); the master key is not kept.
  Key(KeyId id, KeyBytes master) : id_(id), subkeys_(purposes * key_size) {
    static_assert(crypto_kdf_KEYBYTES == key_size && crypto_kdf_CONTEXTBYTES == 8);
    for (std::size_t i = 0; i < purposes; ++i)
      crypto_kdf_derive_from_key(subkeys_.data() + i * key_size, key_size, i + 1, "roughly1", master.data());
    subkeys_.freeze();
  }

  [[nodiscard]] KeyId id() const noexcept { return id_; }

  template <Purpose P> [[nodiscard]] Subkey<P> subkey() const noexcept { return {id_, subkey(P)}; }
  // For code that treats every purpose alike.
  [[nodiscard]] KeyBytes subkey(Purpose purpose) const noexcept {
    return KeyBytes(subkeys_.data() + (static_cast<std::size_t>(purpose) - 1) * key_size, key_size);
  }

  // Tells keys apart without telling anything else about them: 32 hexadecimal digits.
  [[nodiscard]] std::string fingerprint() const {
    std::array<unsigned char, 16> digest;
    const Subkey<Purpose::fingerprint> key = subkey<Purpose::fingerprint>();
    constexpr std::string_view what = "roughly_auth key fingerprint";
    crypto_generichash(digest.data(), digest.size(), view(what).data(), what.size(), key.bytes.data(), key_size);
    return to_hex(digest);
  }

private:
  KeyId id_;
  SecureBuffer subkeys_;
};

} // namespace roughly
