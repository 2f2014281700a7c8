#include "server/place_weights.h"

#include "engine/base/machine.h"
#include "loaders/weight_residence.h"
#include "server/numbers.h"
#include "server/progress_line.h"

namespace puna {
namespace {

constexpr size_t kBarWidth = 40;

std::string Bar(std::string_view what, size_t done, size_t all) {
  const size_t filled = done * kBarWidth / all;
  return fmt::format("{} [{}{}] {} of {}", what, std::string(filled, '#'),
                     std::string(kBarWidth - filled, ' '), FormatBytes(done), FormatBytes(all));
}

}  // namespace

void PlaceWeights(const ModelDir& dir, const WeightOptions& options) {
  const ProgressLine line;
  for (const MappedFile& file : dir.files) {
    const auto progress = [&](const char* what) {
      return [&line, what, all = file.bytes().size()](size_t done) { line.Show(Bar(what, done, all)); };
    };
    if (options.place == "copy") {
      CopyIntoMemory(file, AvailableMemory(), progress("copying weights"));
    } else if (options.preload) {
      Preload(file, progress("reading weights"));
    }
    if (options.lock) LockInMemory(file);
  }
}

}  // namespace puna
