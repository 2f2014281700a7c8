#include <array>
#include <cstdint>

#include "engine/base/check.h"
#include "server/api_error.h"
#include "server/http_body.h"
#include "server/http_guard.h"
#include "server/http_head.h"
#include "tests/fuzz/fuzz_targets.h"

namespace puna::fuzz {
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

// Any bytes, cut anywhere, are a request within the limits or refused. The first byte says how they are cut.
void HttpRequestBytes(std::span<const std::byte> input) {
  if (input.empty()) return;
  const auto step = static_cast<size_t>(input.front());
  const std::string_view bytes(reinterpret_cast<const char*>(input.data()) + 1, input.size() - 1);
  try {
    ReadRequest(bytes, step == 0 ? SIZE_MAX : step);
  } catch (const RequestError& error) {
    CHECK((error.status() >= 400 && error.status() < 500) || error.status() == 505) << error.what();
  }
}

constexpr std::array kTargets = {Target{"http_request", HttpRequestBytes}};

}  // namespace

std::span<const Target> HttpTargets() { return kTargets; }

}  // namespace puna::fuzz
