#include "pg/text.hpp"

#include "pg/bridge.hpp"

extern "C" {
#include "common/unicode_norm.h"
}

namespace roughly::pg {

SecretBytes to_nfc(ByteView text) {
  std::vector<pg_wchar, WipingAllocator<pg_wchar>> points;
  for (std::size_t i = 0; i < text.size();) {
    const int length = pg_utf_mblen(text.data() + i);
    points.push_back(utf8_to_unicode(text.data() + i));
    i += static_cast<std::size_t>(length);
  }
  points.push_back(0);

  pg_wchar *normal = call(unicode_normalize, UNICODE_NFC, static_cast<const pg_wchar *>(points.data()));
  SecretBytes out;
  std::size_t count = 0;
  for (; normal[count] != 0; ++count) {
    unsigned char bytes[4];
    unicode_to_utf8(normal[count], bytes);
    out.insert(out.end(), bytes, bytes + pg_utf_mblen(bytes));
  }
  sodium_memzero(normal, count * sizeof(pg_wchar));
  pfree(normal);
  return out;
}

} // namespace roughly::pg
