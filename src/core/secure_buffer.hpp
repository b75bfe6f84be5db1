// Heap memory for keys: guard pages, locked in RAM where the system allows, zeroed on release.
// One buffer costs at least four pages: for keys, not for every vote.
#pragma once

#include "core/bytes.hpp"

#include <new>

namespace roughly {

class SecureBuffer {
public:
  explicit SecureBuffer(std::size_t size) : data_(static_cast<unsigned char *>(sodium_malloc(size))), size_(size) {
    if (data_ == nullptr)
      throw std::bad_alloc();
  }
  ~SecureBuffer() { sodium_free(data_); }
  SecureBuffer(SecureBuffer &&other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  SecureBuffer &operator=(SecureBuffer &&) = delete;

  [[nodiscard]] unsigned char *data() noexcept { return data_; }
  [[nodiscard]] const unsigned char *data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // From here on a write is a segmentation fault.
  void freeze() noexcept { sodium_mprotect_readonly(data_); }

private:
  unsigned char *data_;
  std::size_t size_;
};

} // namespace roughly
