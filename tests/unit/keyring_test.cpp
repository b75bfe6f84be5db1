#include "support.hpp"

namespace roughly::test {
namespace {

const std::string header = "roughly_auth keyring 1\n";
const std::string digits_a(64, 'a');
const std::string digits_b(64, 'b');

std::string with_checksum(const std::string &text) {
  Bytes digest(16);
  crypto_generichash(digest.data(), digest.size(), view(text).data(), text.size(), nullptr, 0);
  return text + "checksum " + to_hex(digest) + "\n";
}

Keyring parse(std::string_view file) {
  return Keyring::parse(view(file));
}

Error refusal(std::string_view file) {
  return error_of([&] { parse(file); });
}

TEST(Keyring, GeneratesAFileWithOneKey) {
  const SecretBytes file = Keyring::generate();
  EXPECT_LT(file.size(), Keyring::max_file_size);
  const Keyring ring = Keyring::parse(file);
  EXPECT_EQ(ring.newest().id(), 1);
  EXPECT_EQ(ring.ids(), "1");
  EXPECT_NE(ring.newest().fingerprint(), Keyring::parse(Keyring::generate()).newest().fingerprint());
}

TEST(Keyring, ReadsEveryKeyAndKnowsTheNewest) {
  const Keyring ring = parse(
      with_checksum(header + "# a comment\nkey 1 " + digits_a + "\n#\nkey 65535 " + digits_b + "\n"));
  EXPECT_EQ(ring.ids(), "1, 65535");
  EXPECT_EQ(ring.newest().id(), 65535);
  ASSERT_NE(ring.find(1), nullptr);
  EXPECT_EQ(ring.find(1)->fingerprint(), key(1, 0xaa).fingerprint());
  EXPECT_EQ(ring.find(65535)->fingerprint(), key(1, 0xbb).fingerprint());
  EXPECT_EQ(ring.find(2), nullptr);
  EXPECT_EQ(ring.find(0), nullptr);
}

TEST(Keyring, RefusesAFileCutAtAnyLength) {
  const SecretBytes file = Keyring::generate();
  for (std::size_t size = 0; size < file.size(); ++size)
    EXPECT_TRUE(throws(Errc::key_file_unusable, [&] { Keyring::parse(ByteView(file).first(size)); })) << size;
}

TEST(Keyring, RefusesAFileWithAnyBitChanged) {
  for_each_bit_flip(Keyring::generate(), [](const SecretBytes &changed, std::size_t bit) {
    EXPECT_TRUE(throws(Errc::key_file_unusable, [&] { Keyring::parse(changed); })) << "bit " << bit;
  });
}

TEST(Keyring, SaysWhichLineIsWrongAndWhy) {
  const std::string key_line = "key 1 " + digits_a + "\n";
  const struct {
    std::string file, line, what;
  } cases[] = {
      {"roughly_auth keyring 2\n" + key_line, "line 1", "is expected"},
      {"\n" + header + key_line, "line 1", "is expected"},
      {header + "key 0 " + digits_a + "\n", "line 2", "from 1 to 65535"},
      {header + "key 65536 " + digits_a + "\n", "line 2", "from 1 to 65535"},
      {header + "key 99999999999 " + digits_a + "\n", "line 2", "from 1 to 65535"},
      {header + "key -1 " + digits_a + "\n", "line 2", "from 1 to 65535"},
      {header + "key one " + digits_a + "\n", "line 2", "from 1 to 65535"},
      {header + "key \n", "line 2", "from 1 to 65535"},
      {header + "key 1\n", "line 2", "from 1 to 65535"},
      {header + "key 1 " + digits_a + "a\n", "line 2", "64 hexadecimal digits"},
      {header + "key 1 " + digits_a + "aa\n", "line 2", "64 hexadecimal digits"},
      {header + "key 1 " + digits_a.substr(2) + "\n", "line 2", "64 hexadecimal digits"},
      {header + "key 1 " + digits_a.substr(1) + "g\n", "line 2", "64 hexadecimal digits"},
      {header + "key 1 " + digits_a + "\r\n", "line 2", "64 hexadecimal digits"},
      {header + key_line + "key 1 " + digits_b + "\n", "line 3", "must ascend"},
      {header + "key 2 " + digits_a + "\n# then\nkey 1 " + digits_b + "\n", "line 4", "must ascend"},
      {header + key_line + "\n", "line 3", "a comment is expected"},
      {header + key_line + "keys\n", "line 3", "a comment is expected"},
      {header + key_line + "checksum 00\n", "line 3", "does not fit"},
      {header + key_line + "# no end", "line 3", "cut short"},
      {with_checksum(header + key_line) + "# more\n", "line 4", "nothing may follow"},
  };
  for (const auto &wrong : cases) {
    const Error error = refusal(wrong.file);
    EXPECT_EQ(error.code(), Errc::key_file_unusable);
    EXPECT_TRUE(has(error.what(), wrong.line)) << error.what();
    EXPECT_TRUE(has(error.what(), wrong.what)) << error.what();
  }
}

TEST(Keyring, RefusesAFileWithoutKeysOrChecksum) {
  for (const std::string &file : {std::string(), header, header + "key 1 " + digits_a + "\n", with_checksum(header)})
    EXPECT_TRUE(has(refusal(file).what(), "incomplete"));
}

TEST(Keyring, NeverRepeatsWhatStandsInTheFile) {
  const std::string key_material = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde";
  for (const std::string &line : {"key 1 " + key_material + "\n", "key 1 " + key_material + "z\n",
                                  "key" + key_material + "\n", "key 1 " + key_material + "0\nchecksum 1\n"}) {
    const Error error = refusal(header + line);
    EXPECT_FALSE(has(error.what(), "0123456789abcdef"));
    EXPECT_FALSE(has(error.hint(), "0123456789abcdef"));
  }
}

} // namespace
} // namespace roughly::test
