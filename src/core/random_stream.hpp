// Randomness for several uses by one system call: some bytes, or many numbers, which are a stream from a seed of libsodium's, with the key erased as it goes
// (https://blog.cr.yp.to/20170723-random.html).
#pragma once

#include "core/bytes.hpp"

namespace roughly {

template <std::size_t Size> class RandomBytes {
public:
  RandomBytes() { randombytes_buf(bytes_.data(), Size); }
  // The next ones; each is given once.
  template <std::size_t Count> std::span<const unsigned char, Count> take() {
    if (Count > Size - taken_)
      throw Error(Errc::internal, "too few random bytes");
    taken_ += Count;
    return std::span<const unsigned char, Count>(bytes_.data() + taken_ - Count, Count);
  }

private:
  std::array<unsigned char, Size> bytes_;
  std::size_t taken_ = 0;
};

class RandomStream {
public:
  RandomStream() { randombytes_buf(buffer_.data(), seed_size); }
  ~RandomStream() { sodium_memzero(buffer_.data(), buffer_.size()); }
  RandomStream(const RandomStream &) = delete;
  RandomStream &operator=(const RandomStream &) = delete;

  // Uniform, less than `bound`, which is not 0 (D. Lemire, Fast Random Integer Generation in an Interval, 2019).
  std::uint32_t below(std::uint32_t bound) {
    for (;;) {
      const std::uint64_t product = std::uint64_t{next()} * bound;
      const auto low = static_cast<std::uint32_t>(product);
      if (low >= bound || low >= (0u - bound) % bound)
        return static_cast<std::uint32_t>(product >> 32);
    }
  }

private:
  static constexpr std::size_t seed_size = randombytes_SEEDBYTES;

  std::uint32_t next() {
    if (place_ == buffer_.size()) {
      std::array<unsigned char, seed_size> seed;
      std::copy_n(buffer_.begin(), seed_size, seed.begin());
      randombytes_buf_deterministic(buffer_.data(), buffer_.size(), seed.data());
      sodium_memzero(seed.data(), seed.size());
      place_ = seed_size;
    }
    std::uint32_t number = 0;
    std::memcpy(&number, buffer_.data() + place_, sizeof number);
    place_ += sizeof number;
    return number;
  }

  std::array<unsigned char, seed_size + 4096> buffer_; // the next seed, and numbers
  std::size_t place_ = buffer_.size();
};

} // namespace roughly
