#include "server/http_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/base/check.h"
#include "server/api_error.h"
#include "server/percent_decode.h"

namespace puna {
namespace {

constexpr size_t kMethodAndVersion = 32;  // more than any method, " HTTP/1.1" and the line end need

// Said twice, these would let two readers of one request disagree about what it is or who sent it.
constexpr std::array<std::string_view, 8> kSaidOnce = {
    "authorization", "content-length", "content-type",   "content-encoding",
    "host",          "origin",         "sec-fetch-site", "transfer-encoding"};

[[noreturn]] void Malformed(std::string message) { throw RequestError(400, std::move(message)); }

// RFC 9110, section 5.6.2.
bool IsTokenChar(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenChar);
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

char LowerChar(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), LowerChar);
  return lower;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

void ParseTarget(std::string_view target, HttpHead& head) {
  if (target.empty() || std::any_of(target.begin(), target.end(), [](char c) { return IsControl(c); })) {
    Malformed("the request target is empty or has control characters");
  }
  if (target == "*") {
    head.path.assign(target);
    return;
  }
  if (target.front() != '/') {
    const size_t scheme_end = target.find("://");
    const std::string scheme = Lower(target.substr(0, scheme_end));
    if (scheme_end == std::string_view::npos || (scheme != "http" && scheme != "https")) {
      Malformed("the request target must be a path that starts with '/', or an http URL");
    }
    target.remove_prefix(scheme_end + 3);
    const size_t path_start = std::min(target.find_first_of("/?#"), target.size());
    head.authority = std::string(target.substr(0, path_start));
    if (head.authority.empty()) Malformed("the request target names no host");
    target.remove_prefix(path_start);
  }
  target = target.substr(0, target.find('#'));
  const std::string_view path = target.substr(0, target.find('?'));
  const auto decoded = PercentDecode(path.empty() ? "/" : path);
  if (!decoded) Malformed("the request target has a '%' that two hex digits do not follow");
  head.path = *decoded;
  if (path.size() < target.size()) head.query = std::string(target.substr(path.size() + 1));
}

void ParseRequestLine(std::string_view line, const HttpHeadLimits& limits, HttpHead& head) {
  const size_t method_end = line.find(' ');
  const size_t version_start = line.rfind(' ');
  if (method_end == std::string_view::npos || version_start == method_end) {
    Malformed("the request line must be 'METHOD target HTTP/1.1'");
  }
  head.method = std::string(line.substr(0, method_end));
  if (!IsToken(head.method)) Malformed("the request method is not a token");
  const std::string_view version = line.substr(version_start + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    if (version.starts_with("HTTP/")) {
      throw RequestError(505, fmt::format("HTTP/1.1 is spoken here, not '{}'", Printable(version, 16)));
    }
    Malformed("the request line must end in HTTP/1.1");
  }
  head.minor_version = version.back() - '0';
  const std::string_view target = line.substr(method_end + 1, version_start - method_end - 1);
  if (target.size() > limits.max_uri_bytes) {
    throw RequestError(414,
                       fmt::format("the request target may have at most {} bytes", limits.max_uri_bytes));
  }
  if (target.find(' ') != std::string_view::npos) Malformed("the request target has a space in it");
  ParseTarget(target, head);
}

void ParseHeaderLine(std::string_view line, HttpHead& head) {
  if (line.front() == ' ' || line.front() == '\t') Malformed("a header line is folded");
  const size_t colon = line.find(':');
  const std::string_view raw_name = line.substr(0, colon);
  if (colon == std::string_view::npos || !IsToken(raw_name)) {
    Malformed(fmt::format("a header line must be 'Name: value', found '{}'", Printable(raw_name, 40)));
  }
  const std::string_view value = Trim(line.substr(colon + 1));
  if (std::any_of(value.begin(), value.end(), [](char c) { return IsControl(c) && c != '\t'; })) {
    Malformed(fmt::format("header '{}' has control characters", Printable(raw_name, 40)));
  }
  const auto [entry, is_new] = head.headers.emplace(Lower(raw_name), value);
  if (is_new) return;
  if (std::find(kSaidOnce.begin(), kSaidOnce.end(), entry->first) != kSaidOnce.end()) {
    Malformed(fmt::format("header '{}' may be sent only once", entry->first));
  }
  entry->second.append(", ").append(value);
}

// RFC 9112, section 6: which bytes after the head are the body.
void ParseFraming(HttpHead& head) {
  const auto encoding = head.headers.find("transfer-encoding");
  const auto length = head.headers.find("content-length");
  if (encoding != head.headers.end()) {
    if (length != head.headers.end()) Malformed("Content-Length and Transfer-Encoding exclude each other");
    if (head.minor_version == 0) Malformed("HTTP/1.0 has no Transfer-Encoding");
    if (Lower(encoding->second) != "chunked") Malformed("the only Transfer-Encoding understood is 'chunked'");
    head.chunked = true;
    return;
  }
  if (length == head.headers.end()) return;
  const std::string& digits = length->second;
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) {
    Malformed("Content-Length must be a number");
  }
  uint64_t value = 0;
  for (const char digit : digits) {
    // Saturates: such a length is above every limit anyway.
    value = value > UINT64_MAX / 10 - 1 ? UINT64_MAX / 10 : value * 10 + static_cast<uint64_t>(digit - '0');
  }
  head.content_length = value;
}

}  // namespace

std::string_view HttpHead::Header(std::string_view lower_case_name) const {
  const auto found = headers.find(std::string(lower_case_name));
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

size_t HttpHeadReader::Take(std::string_view bytes) {
  CHECK(!done_);
  size_t taken = 0;
  while (taken < bytes.size() && !done_) {
    const size_t newline = bytes.find('\n', taken);
    const bool ends_line = newline != std::string_view::npos;
    const size_t run = (ends_line ? newline + 1 : bytes.size()) - taken;
    // One byte past the limit is enough to see that it is passed.
    const size_t room = limits_.max_bytes + 1 - std::min(text_.size(), limits_.max_bytes + 1);
    text_.append(bytes.substr(taken, std::min(run, room)));
    taken += run;
    CheckOpenLine();
    if (ends_line) EndLine();
  }
  return taken;
}

void HttpHeadReader::CheckOpenLine() const {
  if (lines_ == 0) {
    // The first byte of a TLS handshake record.
    if (text_.front() == 0x16) Malformed("this port speaks plain HTTP, not HTTPS");
    if (text_.size() > limits_.max_uri_bytes + kMethodAndVersion) {
      throw RequestError(414,
                         fmt::format("the request target may have at most {} bytes", limits_.max_uri_bytes));
    }
  }
  if (text_.size() > limits_.max_bytes) {
    throw RequestError(431,
                       fmt::format("request line and headers may have at most {} bytes", limits_.max_bytes));
  }
}

void HttpHeadReader::EndLine() {
  const size_t length = text_.size() - line_start_;
  if (length < 2 || text_[text_.size() - 2] != '\r') Malformed("a header line must end in CR LF");
  line_start_ = text_.size();
  if (length == 2) {
    if (lines_ == 0) Malformed("the request line is empty");
    done_ = true;
    return;
  }
  ++lines_;
  if (lines_ > limits_.max_lines + 1) {
    throw RequestError(431, fmt::format("a request may have at most {} header lines", limits_.max_lines));
  }
}

HttpHead HttpHeadReader::Parse() const {
  CHECK(done_);
  HttpHead head;
  bool is_request_line = true;
  for (size_t start = 0; start + 2 < text_.size();) {
    const size_t end = text_.find('\n', start);
    const std::string_view line = std::string_view(text_).substr(start, end - 1 - start);
    if (is_request_line) {
      ParseRequestLine(line, limits_, head);
    } else {
      ParseHeaderLine(line, head);
    }
    is_request_line = false;
    start = end + 1;
  }
  if (head.minor_version == 1 && !head.headers.contains("host")) Malformed("HTTP/1.1 requires a Host header");
  ParseFraming(head);
  return head;
}

}  // namespace puna
