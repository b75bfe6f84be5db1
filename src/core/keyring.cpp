#include "core/keyring.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "core/core_only.hpp"

namespace roughly {
namespace {

constexpr std::string_view header = "roughly_auth keyring 1";
constexpr std::string_view key_word = "key ";
constexpr std::string_view checksum_word = "checksum ";

std::array<unsigned char, 16> checksum(ByteView text) {
  std::array<unsigned char, 16> digest;
  crypto_generichash(digest.data(), digest.size(), text.data(), text.size(), nullptr, 0);
  return digest;
}

[[noreturn]] void malformed(std::size_t line, const char *what) {
  throw Error(Errc::key_file_unusable, "the key file is malformed at line " + std::to_string(line) + ": " + what,
              "Restore the file from its backup; it must not be edited by hand.");
}

Key parse_key(std::string_view rest, std::size_t line) {
  unsigned id = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), id);
  if (error != std::errc{} || id == 0 || id > 0xffff || end == rest.data() + rest.size() || *end != ' ')
    malformed(line, "a key number from 1 to 65535 is expected");
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()) + 1);
  const std::optional<SecretBytes> bytes = from_hex(rest);
  if (!bytes || bytes->size() != key_size)
    malformed(line, "64 hexadecimal digits are expected");
  return Key(static_cast<KeyId>(id), KeyBytes(bytes->data(), key_size));
}

// A file's last two lines: a random key and the checksum.
SecretBytes completed(Writer<SecretBytes> file, KeyId id) {
  SecureBuffer master(key_size);
  randombytes_buf(master.data(), master.size());
  SecretBytes hex(2 * key_size + 1);
  sodium_bin2hex(reinterpret_cast<char *>(hex.data()), hex.size(), master.data(), master.size());
  hex.back() = '\n';
  file.raw(view(std::string(key_word) + std::to_string(id) + " "));
  file.raw(hex);
  SecretBytes text = std::move(file).take();
  const std::string sum = std::string(checksum_word) + to_hex(checksum(text)) + "\n";
  text.insert(text.end(), sum.begin(), sum.end());
  return text;
}

} // namespace

Keyring Keyring::parse(ByteView file) {
  Keyring ring;
  std::string_view rest = text_view(file);
  bool complete = false;
  for (std::size_t line = 1; !rest.empty(); ++line) {
    const std::size_t offset = file.size() - rest.size();
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos)
      malformed(line, "the line does not end; the file is cut short");
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (complete)
      malformed(line, "nothing may follow the checksum");
    if (line == 1) {
      if (text != header)
        malformed(line, "\"roughly_auth keyring 1\" is expected");
    } else if (text.starts_with(key_word)) {
      Key key = parse_key(text.substr(key_word.size()), line);
      if (!ring.keys_.empty() && ring.keys_.back().id() >= key.id())
        malformed(line, "key numbers must ascend");
      ring.keys_.push_back(std::move(key));
    } else if (text.starts_with(checksum_word)) {
      if (to_hex(checksum(file.first(offset))) != text.substr(checksum_word.size()))
        malformed(line, "the checksum does not fit");
      complete = true;
    } else if (!text.starts_with('#')) {
      malformed(line, "\"key\", \"checksum\" or a comment is expected");
    }
  }
  if (ring.keys_.empty() || !complete)
    throw Error(Errc::key_file_unusable, "the key file is incomplete", "Restore the file from its backup.");
  return ring;
}

SecretBytes Keyring::generate() {
  Writer<SecretBytes> file;
  file.raw(view(header));
  file.raw(view("\n# Without this file unpublished votes, own answers, sessions and passwords are lost.\n"
                "# Keep a copy away from the database and its backups; show it to nobody.\n"));
  return completed(std::move(file), 1);
}

SecretBytes Keyring::extended(ByteView file) {
  const KeyId newest = parse(file).newest().id();
  if (newest == std::numeric_limits<KeyId>::max())
    throw Error(Errc::program_limit, "there are no more key numbers");
  Writer<SecretBytes> longer;
  longer.raw(file.first(text_view(file).rfind(checksum_word)));
  SecretBytes text = completed(std::move(longer), static_cast<KeyId>(newest + 1));
  if (text.size() > max_file_size)
    throw Error(Errc::program_limit, "the key file is full", "Take keys that nothing needs any more out of it.");
  return text;
}

bool Keyring::operator==(const Keyring &other) const {
  return std::equal(keys_.begin(), keys_.end(), other.keys_.begin(), other.keys_.end(),
                    [](const Key &a, const Key &b) { return a.id() == b.id() && a.fingerprint() == b.fingerprint(); });
}

const Key *Keyring::find(KeyId id) const noexcept {
  const auto key = std::find_if(keys_.begin(), keys_.end(), [&](const Key &k) { return k.id() == id; });
  return key == keys_.end() ? nullptr : &*key;
}

std::string Keyring::ids() const {
  std::string text;
  for (const Key &key : keys_)
    text += (text.empty() ? "" : ", ") + std::to_string(key.id());
  return text;
}

} // namespace roughly
