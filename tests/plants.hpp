// Bugs on purpose, one for each thing that an instrument of script/sanitize must see. For tests; the product has none.
#pragma once

#include <cstdlib>
#include <limits>
#include <string_view>

namespace roughly::plants {

inline volatile int sink = 0;

template <class T> T opaque(T value) { // to the compiler, which would warn, or know better
  asm volatile("" : "+r"(value) : : "memory");
  return value;
}
inline char *block(std::size_t size) { return static_cast<char *>(opaque(std::malloc(size))); }

[[gnu::noinline]] inline void read_past_end() {
  char *bytes = block(8);
  sink = bytes[8];
  std::free(bytes);
}

[[gnu::noinline]] inline void depend_on_uninitialised() {
  char *bytes = block(1);
  if (bytes[0] == 42)
    sink = 42;
  std::free(bytes);
}

[[gnu::noinline]] inline void overflow() { sink = opaque(std::numeric_limits<int>::max()) + 1; }

[[gnu::noinline]] inline void leak() {
  for (int i = 0; i < 10; ++i) // one may still be in a register
    block(4096);
}

inline void plant(std::string_view kind) {
  if (kind == "heap")
    read_past_end();
  else if (kind == "uninitialised")
    depend_on_uninitialised();
  else if (kind == "signed")
    overflow();
  else if (kind == "leak")
    leak();
}

} // namespace roughly::plants
