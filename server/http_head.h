#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace puna {

// The request line and headers of one HTTP/1.x request (RFC 9112), read strictly: what could be understood in
// two ways is refused.
struct HttpHead {
  std::string method;     // a token, case kept
  std::string path;       // percent-decoded, without the query; "*" for OPTIONS *
  std::string query;      // as sent, without the '?'
  std::string authority;  // of an absolute-form target ("GET http://host/path"), else empty
  int minor_version = 1;  // HTTP/1.<minor_version>: 0 or 1
  // Names in lower case; repeated ones joined by ", ". Names that may only be said once are never joined.
  std::map<std::string, std::string> headers;
  bool chunked = false;
  std::optional<uint64_t> content_length;

  std::string_view Header(std::string_view lower_case_name) const;  // "" if absent
  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

struct HttpHeadLimits {
  size_t max_bytes;      // request line, headers and line ends together; 431 beyond
  size_t max_lines;      // header lines; 431 beyond
  size_t max_uri_bytes;  // 414 beyond
};

// Collects a head from bytes as they arrive, holding at most max_bytes. Work is linear in the bytes however
// they are cut. Pure: no socket, no clock.
class HttpHeadReader {
 public:
  explicit HttpHeadReader(const HttpHeadLimits& limits) : limits_(limits) {}

  // Takes the bytes that belong to the head and returns how many it took; what follows is the body.
  // Throws RequestError (400, 414, 431, 505) as soon as the head cannot become a good one.
  size_t Take(std::string_view bytes);

  bool empty() const { return text_.empty(); }
  bool done() const { return done_; }

  // REQUIRES: done(). Throws RequestError.
  HttpHead Parse() const;

 private:
  void CheckOpenLine() const;
  void EndLine();

  const HttpHeadLimits limits_;
  std::string text_;
  size_t line_start_ = 0;  // of the line not yet ended
  size_t lines_ = 0;       // ended, the request line among them
  bool done_ = false;
};

}  // namespace puna
