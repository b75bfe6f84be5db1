#include "support.hpp"

#include "core/sealed_box.hpp"

namespace roughly::test {
namespace {

constexpr std::string_view message = "what nobody else may read";

class SealedBox : public ::testing::Test {
protected:
  Key key_ = key(0x0102, 0xaa);
  Subkey<Purpose::ballot> subkey_ = key_.subkey<Purpose::ballot>();

  static Binding binding() { return Binding("thing").with(uuid(1)).with(7u); }
  [[nodiscard]] Bytes sealed() const { return seal(subkey_, view(message), binding()); }
  [[nodiscard]] ::testing::AssertionResult refuses(ByteView box, Binding &&bound = binding()) const {
    return throws(Errc::corrupted, [&] { open(subkey_, box, std::move(bound)); });
  }
};

TEST_F(SealedBox, OpensToWhatWasSealed) {
  EXPECT_EQ(text_view(open(subkey_, sealed(), binding())), message);
}

TEST_F(SealedBox, CanBeEmpty) {
  const Bytes box = seal(subkey_, {}, binding());
  EXPECT_EQ(box.size(), seal_overhead);
  EXPECT_TRUE(open(subkey_, box, binding()).empty());
}

TEST_F(SealedBox, HasTheDocumentedForm) {
  const Bytes box = sealed();
  ASSERT_EQ(box.size(), 1 + 2 + 24 + message.size() + 16);
  EXPECT_EQ(Bytes(box.begin(), box.begin() + 3), (Bytes{0x01, 0x01, 0x02}));
  EXPECT_EQ(sealing_key(box), 0x0102);

  const Bytes data = binding().take(ByteView(box).first(3));
  EXPECT_EQ(Bytes(data.begin(), data.begin() + 3), Bytes(box.begin(), box.begin() + 3));
  Bytes plain(message.size());
  ASSERT_EQ(crypto_aead_xchacha20poly1305_ietf_decrypt(plain.data(), nullptr, nullptr, box.data() + 27, box.size() - 27,
                                                       data.data(), data.size(), box.data() + 3, subkey_.bytes.data()),
            0);
  EXPECT_EQ(text_view(plain), message);
}

TEST_F(SealedBox, NeverRepeatsANonce) {
  std::set<Bytes> nonces;
  for (int i = 0; i < 1000; ++i) {
    const Bytes box = sealed();
    nonces.emplace(box.begin() + 3, box.begin() + 27);
  }
  EXPECT_EQ(nonces.size(), 1000u);
}

TEST_F(SealedBox, RefusesEveryFlippedBit) {
  for_each_bit_flip(sealed(), [&](const Bytes &changed, std::size_t bit) { EXPECT_TRUE(refuses(changed)) << bit; });
}

TEST_F(SealedBox, RefusesEveryOtherLength) {
  Bytes box = sealed();
  expect_no_prefix_reads(box, [&](ByteView cut) { open(subkey_, cut, binding()); });
  box.push_back(0);
  EXPECT_TRUE(refuses(box));
}

TEST_F(SealedBox, RefusesToOpenInAnotherPlace) {
  const Bytes box = sealed();
  EXPECT_TRUE(refuses(box, Binding("other").with(uuid(1)).with(7u)));
  EXPECT_TRUE(refuses(box, Binding("thing").with(uuid(2)).with(7u)));
  EXPECT_TRUE(refuses(box, Binding("thing").with(uuid(1)).with(8u)));
  EXPECT_TRUE(refuses(box, Binding("thing").with(7u).with(uuid(1))));
  EXPECT_TRUE(refuses(box, Binding("thing").with(uuid(1))));
  EXPECT_TRUE(refuses(box, Binding("thing").with(uuid(1)).with(7u).with(0u)));
}

TEST_F(SealedBox, RefusesOtherKeysAndOtherPurposes) {
  const Bytes box = sealed();
  const Key other = key(0x0102, 0xab);
  EXPECT_TRUE(throws(Errc::corrupted, [&] { open(other.subkey<Purpose::ballot>(), box, binding()); }));
  EXPECT_TRUE(throws(Errc::corrupted, [&] { open(key_.subkey<Purpose::batch>(), box, binding()); }));
}

TEST_F(SealedBox, SaysWhichKeyItNeedsOrThatItIsNone) {
  EXPECT_EQ(sealing_key(seal(key(0xffff, 1).subkey<Purpose::tally>(), {}, binding())), 0xffff);
  EXPECT_TRUE(throws(Errc::corrupted, [] { sealing_key({}); }));
  EXPECT_TRUE(throws(Errc::corrupted, [] { sealing_key(Bytes(seal_overhead - 1, 0x01)); }));
  EXPECT_TRUE(throws(Errc::corrupted, [] { sealing_key(Bytes(seal_overhead, 0x03)); }));
  EXPECT_TRUE(throws(Errc::corrupted, [] { sealing_key(Bytes(NamedBox::overhead - 1, 0x02)); }));
  EXPECT_EQ(sealing_key(Bytes(NamedBox::overhead, 0x02)), 0x0202);
}

// Values that are named by an id of their own.
class NamedValue : public SealedBox {
protected:
  static Binding named(std::uint8_t id = 9) { return Binding("thing").with(uuid(1)).named(uuid(id)); }
  [[nodiscard]] Bytes sealed() const { return seal(subkey_, view(message), named()); }
};

TEST_F(NamedValue, OpensToWhatWasSealed) {
  EXPECT_EQ(text_view(open(subkey_, sealed(), named())), message);
  EXPECT_TRUE(open(subkey_, seal(subkey_, {}, named()), named()).empty());
}

TEST_F(NamedValue, HasTheDocumentedForm) {
  const Bytes box = sealed();
  ASSERT_EQ(box.size(), 1 + 2 + 16 + message.size());
  EXPECT_EQ(Bytes(box.begin(), box.begin() + 3), (Bytes{0x02, 0x01, 0x02}));
  EXPECT_EQ(sealing_key(box), 0x0102);

  Bytes kind = named().take(ByteView(box).first(3));
  kind.resize(kind.size() - 16);
  Bytes derived(crypto_secretbox_xchacha20poly1305_KEYBYTES), nonce(crypto_secretbox_xchacha20poly1305_NONCEBYTES), plain(message.size());
  crypto_generichash(derived.data(), derived.size(), kind.data(), kind.size(), subkey_.bytes.data(), subkey_.bytes.size());
  const Uuid id = uuid(9);
  std::copy(id.begin(), id.end(), nonce.begin());
  ASSERT_EQ(crypto_secretbox_xchacha20poly1305_open_easy(plain.data(), box.data() + 3, box.size() - 3, nonce.data(), derived.data()), 0);
  EXPECT_EQ(text_view(plain), message);
}

TEST_F(NamedValue, RefusesEveryChangeAndOtherLength) {
  for_each_bit_flip(sealed(), [&](const Bytes &changed, std::size_t bit) { EXPECT_TRUE(refuses(changed, named())) << bit; });
  Bytes box = sealed();
  expect_no_prefix_reads(box, [&](ByteView cut) { open(subkey_, cut, named()); });
  box.push_back(0);
  EXPECT_TRUE(refuses(box, named()));
}

TEST_F(NamedValue, OpensUnderNoOtherNameKindOrKey) {
  const Bytes box = sealed();
  EXPECT_TRUE(refuses(box, named(8)));
  EXPECT_TRUE(refuses(box, Binding("other").with(uuid(1)).named(uuid(9))));
  EXPECT_TRUE(refuses(box, Binding("thing").with(uuid(2)).named(uuid(9))));
  EXPECT_TRUE(refuses(box, Binding("thing").with(uuid(1)).with(uuid(9)))); // as what has no name
  const Key other = key(0x0102, 0xab);
  EXPECT_TRUE(throws(Errc::corrupted, [&] { open(other.subkey<Purpose::ballot>(), box, named()); }));
  EXPECT_TRUE(throws(Errc::corrupted, [&] { open(key_.subkey<Purpose::batch>(), box, named()); }));
}

TEST_F(NamedValue, OpensInTheOtherFormatToo) {
  EXPECT_EQ(text_view(open(subkey_, seal(subkey_, view(message), Binding("thing").with(uuid(1)).with(uuid(9))), named())), message);
}

TEST(Binding, TellsAdjacentPartsApart) {
  EXPECT_NE(Binding("ab").take({}), Binding("a").take({}));
  EXPECT_NE(Binding("vwxyz").take({}), Binding("v").with(std::uint32_t{0x7778797a}).take({})); // "wxyz"
}

} // namespace
} // namespace roughly::test
