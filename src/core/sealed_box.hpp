// Sealed values: XChaCha20-Poly1305 with a random 24-byte nonce (libsodium, IETF construction).
//
//   format 0x01 | key id, 2 bytes | nonce, 24 bytes | ciphertext and 16-byte tag
//
// The associated data is the header followed by a Binding: what the value is and which row it belongs to,
// so that a value moved to another row, table or question does not open.
//
// A value that is named by a random id of its own, of which there are many:
//
//   format 0x02 | key id, 2 bytes | 16-byte tag and ciphertext (libsodium crypto_secretbox_xchacha20poly1305)
//
// Its key is the BLAKE2b of what would be the associated data, but for the id, keyed with the key; the nonce is that id. So it
// opens under no other name either, with nothing to authenticate beside it.
#pragma once

#include "core/key.hpp"

namespace roughly {

inline constexpr std::size_t seal_header = 1 + 2;

class Binding {
public:
  explicit Binding(std::string_view what) {
    out_.reserve(64);
    out_.raw(std::array<unsigned char, seal_header>{});
    out_.text(what);
  }
  Binding &&with(const Uuid &id) && { return out_.raw(id), std::move(*this); }
  // The last part: an id that libsodium has drawn for this value and that nothing else with this key has.
  Binding &&named(const Uuid &id) && {
    name_ = id;
    return std::move(*this).with(id);
  }
  Binding &&with(ByteView bytes) && { return out_.text(text_view(bytes)), std::move(*this); }
  Binding &&with(std::uint32_t number) && { return out_.u32(number), std::move(*this); }
  [[nodiscard]] const std::optional<Uuid> &name() const noexcept { return name_; }
  // The associated data of a value with this header.
  [[nodiscard]] Bytes take(ByteView header) && {
    Bytes data = std::move(out_).take();
    std::copy(header.begin(), header.end(), data.begin());
    return data;
  }

private:
  Writer<Bytes> out_;
  std::optional<Uuid> name_;
};

class Nonce {
public:
  static constexpr std::size_t size = 24;
  Nonce() { randombytes_buf(bytes_.data(), size); }
  // Of random bytes that serve for nothing else.
  explicit Nonce(std::span<const unsigned char, size> bytes) { std::copy(bytes.begin(), bytes.end(), bytes_.begin()); }
  [[nodiscard]] ByteView bytes() const noexcept { return bytes_; }

private:
  std::array<unsigned char, size> bytes_;
};

inline constexpr std::size_t seal_overhead = seal_header + Nonce::size + 16;

// The key of all named values of one kind, for format 0x02.
class NamedBox {
public:
  static constexpr std::size_t overhead = seal_header + 16;
  NamedBox(KeyId id, KeyBytes key, ByteView kind); // kind: what Binding::take() gives, without the name
  ~NamedBox() { sodium_memzero(key_.data(), key_.size()); }
  NamedBox(const NamedBox &) = delete;
  NamedBox &operator=(const NamedBox &) = delete;

  [[nodiscard]] KeyId id() const noexcept { return id_; }
  [[nodiscard]] Bytes seal(const Uuid &name, ByteView plain) const;
  // `plain` has room for what comes out. Errc::corrupted
  void open(const Uuid &name, ByteView sealed, std::span<unsigned char> plain) const;

private:
  KeyId id_;
  std::array<unsigned char, key_size> key_;
};
[[nodiscard]] inline bool is_named(ByteView sealed) noexcept { return !sealed.empty() && sealed[0] == 0x02; }

// In the terser format where the binding names the value; `nonce` is for the other.
Bytes seal(KeyId id, KeyBytes key, ByteView plain, Binding &&binding, std::optional<Nonce> nonce = std::nullopt);
// Errc::corrupted when the value was changed, moved, cut or sealed with another key.
SecretBytes open(KeyBytes key, ByteView sealed, Binding &&binding);
// The same for many values of one kind in format 0x01: `data` is what Binding::take() gave, `plain` has room for what comes out.
void open(KeyBytes key, ByteView sealed, ByteView data, std::span<unsigned char> plain);
// Which key a sealed value needs; Errc::corrupted when it is not a sealed value.
KeyId sealing_key(ByteView sealed);

template <Purpose P>
Bytes seal(Subkey<P> key, ByteView plain, Binding &&binding, std::optional<Nonce> nonce = std::nullopt) {
  return seal(key.id, key.bytes, plain, std::move(binding), nonce);
}
template <Purpose P> SecretBytes open(Subkey<P> key, ByteView sealed, Binding &&binding) {
  return open(key.bytes, sealed, std::move(binding));
}

} // namespace roughly
