// Published views, as readers get them.
#include "core/release.hpp"
#include "fuzz.hpp"

using namespace roughly;
using namespace roughly::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  value_or_error([&] {
    const PublishedView view = unpack_release(ByteView(data, size));
    for (const PublishedCell &cell : view.cells)
      require(cell.categories.size() == view.dimensions.size() && cell.counts.size() == view.header.choices.size());
    require(unpack_release(pack_empty_release(view.header)).header.choices == view.header.choices);
  });
  return 0;
}
