#include "core/password_rules.hpp"

#include "core/password_hash.hpp"

#include <algorithm>

#include "core/core_only.hpp"

namespace roughly {
namespace {

SecretBytes lowered(ByteView text) {
  SecretBytes copy(text.begin(), text.end());
  for (unsigned char &c : copy)
    c = static_cast<unsigned char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  return copy;
}

std::size_t code_points(ByteView text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xc0) != 0x80; }));
}

// The address, what stands before the @, what stands after it without its last label, and our own name.
std::vector<std::string> context_words(std::string_view email) {
  const SecretBytes low = lowered(view(email));
  const std::string address(text_view(low));
  const std::size_t at = std::min(address.find('@'), address.size());
  const std::string host = at < address.size() ? address.substr(at + 1) : "";
  std::vector<std::string> words{address, address.substr(0, at), host, host.substr(0, host.rfind('.')), "roughly"};
  std::erase_if(words, [](const std::string &word) { return word.size() < 3; });
  return words;
}

} // namespace

std::vector<std::string> password_faults(ByteView password, std::string_view email, std::size_t least) {
  constexpr std::size_t least_without_context = 8;
  std::vector<std::string> faults;
  if (code_points(password) < least)
    faults.emplace_back("too_short");
  if (password.size() > max_password_size)
    faults.emplace_back("too_long");
  SecretBytes rest = lowered(password);
  for (const std::string &word : context_words(email))
    for (auto place = rest.begin(); (place = std::search(rest.begin(), rest.end(), word.begin(), word.end())) != rest.end();)
      rest.erase(place, place + static_cast<std::ptrdiff_t>(word.size()));
  if (rest.size() < password.size() && code_points(rest) < least_without_context)
    faults.emplace_back("too_obvious");
  return faults;
}

std::array<unsigned char, 16> blocklist_digest(ByteView password) {
  const SecretBytes text = lowered(password);
  std::array<unsigned char, 16> digest;
  crypto_generichash(digest.data(), digest.size(), text.data(), text.size(), nullptr, 0);
  return digest;
}

} // namespace roughly
