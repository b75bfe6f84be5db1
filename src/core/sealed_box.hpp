// Sealed values: XChaCha20-Poly1305 with a random 24-byte nonce (libsodium, IETF construction).
//
//   format 0x01 | key id, 2 bytes | nonce, 24 bytes | ciphertext and 16-byte tag
//
// The associated data is the header followed by a Binding: what the value is and which row it belongs to,
// so that a value moved to another row, table or question does not open.
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
  Binding &&with(ByteView bytes) && { return out_.text(text_view(bytes)), std::move(*this); }
  Binding &&with(std::uint32_t number) && { return out_.u32(number), std::move(*this); }
  // The associated data of a value with this header.
  [[nodiscard]] Bytes take(ByteView header) && {
    Bytes data = std::move(out_).take();
    std::copy(header.begin(), header.end(), data.begin());
    return data;
  }

private:
  Writer<Bytes> out_;
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

Bytes seal(KeyId id, KeyBytes key, ByteView plain, Binding &&binding, const Nonce &nonce = Nonce());
// Errc::corrupted when the value was changed, moved, cut or sealed with another key.
SecretBytes open(KeyBytes key, ByteView sealed, Binding &&binding);
// The same for many values of one kind: `data` is what Binding::take() gave, `plain` has room for what comes out.
void open(KeyBytes key, ByteView sealed, ByteView data, std::span<unsigned char> plain);
// Which key a sealed value needs; Errc::corrupted when it is not a sealed value.
KeyId sealing_key(ByteView sealed);

template <Purpose P> Bytes seal(Subkey<P> key, ByteView plain, Binding &&binding, const Nonce &nonce = Nonce()) {
  return seal(key.id, key.bytes, plain, std::move(binding), nonce);
}
template <Purpose P> SecretBytes open(Subkey<P> key, ByteView sealed, Binding &&binding) {
  return open(key.bytes, sealed, std::move(binding));
}

} // namespace roughly
