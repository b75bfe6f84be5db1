// What the fuzz targets share: the only outcomes they accept are a value and a roughly::Error.
#pragma once

#include "core/keyring.hpp"

#include <cstdlib>

namespace roughly::fuzz {

inline void require(bool holds) {
  if (!holds)
    std::abort();
}

template <class Action> void value_or_error(Action &&action) {
  try {
    action();
  } catch (const Error &) {
  }
}

template <class Action> bool refused(Action &&action) {
  try {
    action();
  } catch (const Error &) {
    return true;
  }
  return false;
}

inline const Key &some_key() {
  static const Key key = [] {
    const Bytes master(key_size, 0xaa);
    return Key(1, KeyBytes(master.data(), key_size));
  }();
  return key;
}

inline constexpr Uuid question{1}, id{2};

} // namespace roughly::fuzz

extern "C" inline __attribute__((used)) int LLVMFuzzerInitialize(int *, char ***) {
  return sodium_init() < 0 ? 1 : 0;
}
