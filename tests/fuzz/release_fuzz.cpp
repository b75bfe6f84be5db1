// Published views, as readers get them.
#include "core/release.hpp"
#include "fuzz.hpp"

using namespace roughly;
using namespace roughly::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  value_or_error([&] {
    const PublishedView view(ByteView(data, size));
    for (const PublishedCell &cell : view.cells)
      require(cell.categories.size() == view.dimensions.size() && cell.counts.size() == view.choices.size());
    const Bytes packed =
        pack_empty_release({view.k, view.max_dims, {view.choices.begin(), view.choices.end()}, {}, view.epsilon});
    require(PublishedView(packed).choices == view.choices);
  });
  return 0;
}
