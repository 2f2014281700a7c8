#include "server/api/unknown_fields.h"

#include <spdlog/spdlog.h>

#include "engine/base/error.h"

namespace puna {
namespace {

// A client that makes up names must not fill memory or the log.
constexpr size_t kMaxNames = 200;
constexpr size_t kMaxNameBytes = 60;

}  // namespace

std::vector<std::string> UnknownFields::Report(const std::vector<std::string>& names) {
  std::vector<std::string> fresh;
  for (const std::string& name : names) {
    std::string printable = Printable(name, kMaxNameBytes);
    const std::lock_guard lock(mu_);
    if (seen_.size() >= kMaxNames || !seen_.insert(printable).second) continue;
    fresh.push_back(std::move(printable));
  }
  for (const std::string& name : fresh)
    spdlog::warn("a request has the field '{}', which this API does not know: it has no effect", name);
  return fresh;
}

}  // namespace puna
