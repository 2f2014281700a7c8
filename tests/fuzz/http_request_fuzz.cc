// Any bytes, cut anywhere, are a request within the limits or a RequestError: nothing else. The first byte
// says how they are cut.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/base/check.h"
#include "server/api_error.h"
#include "server/http_body.h"
#include "server/http_guard.h"
#include "server/http_head.h"

namespace puna {
namespace {

constexpr HttpHeadLimits kHeadLimits{.max_bytes = 512, .max_lines = 8, .max_uri_bytes = 64};
constexpr size_t kMaxBody = 64;

void ReadRequest(std::string_view bytes, size_t step) {
  static const HttpGuard guard{HttpServerOptions{}};
  HttpHeadReader reader(kHeadLimits);
  while (!reader.done()) {
    if (bytes.empty()) return;
    bytes.remove_prefix(reader.Take(bytes.substr(0, step)));
  }
  const HttpHead head = reader.Parse();
  CHECK(head.headers.size() <= kHeadLimits.max_lines);
  CHECK(!head.path.empty() && head.path.size() <= kHeadLimits.max_uri_bytes);
  guard.CheckHost(head);
  guard.CheckOrigin(head);
  guard.CheckBody(head);
  HttpBodyReader body(head, kMaxBody);
  while (!body.done() && !bytes.empty()) {
    bytes.remove_prefix(body.Take(bytes.substr(0, step)));
    CHECK(body.size() <= kMaxBody);
  }
}

}  // namespace
}  // namespace puna

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    puna::ReadRequest(bytes, data[0] == 0 ? SIZE_MAX : data[0]);
  } catch (const puna::RequestError& error) {
    CHECK(error.status() >= 400 && error.status() < 500 || error.status() == 505) << error.what();
  }
  return 0;
}
