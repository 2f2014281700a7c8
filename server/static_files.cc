#include "server/static_files.h"

#include <algorithm>
#include <string>

namespace puna {
namespace {

std::string_view ContentType(std::string_view path) {
  static constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".txt", "text/plain; charset=utf-8"},
      {".webmanifest", "application/manifest+json"},
  };
  const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                  [&](const auto& entry) { return path.ends_with(entry.first); });
  return type == std::end(kTypes) ? "application/octet-stream" : type->second;
}

// RFC 9110, section 13.1.2: "*", or a list of tags compared weakly. Our tags have no comma in them.
bool Knows(std::string_view if_none_match, std::string_view etag) {
  while (!if_none_match.empty()) {
    const size_t comma = std::min(if_none_match.find(','), if_none_match.size());
    std::string_view tag = if_none_match.substr(0, comma);
    if_none_match.remove_prefix(std::min(comma + 1, if_none_match.size()));
    while (!tag.empty() && (tag.front() == ' ' || tag.front() == '\t')) tag.remove_prefix(1);
    while (!tag.empty() && (tag.back() == ' ' || tag.back() == '\t')) tag.remove_suffix(1);
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == "*" || tag == etag) return true;
  }
  return false;
}

// RFC 9110, section 12.5.3, as far as browsers use it: a list of codings, each with an optional weight.
bool AcceptsGzip(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    const size_t comma = std::min(accept_encoding.find(','), accept_encoding.size());
    std::string coding;
    for (const char c : accept_encoding.substr(0, comma))
      if (c != ' ' && c != '\t') coding.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c);
    accept_encoding.remove_prefix(std::min(comma + 1, accept_encoding.size()));
    const std::string_view weight = coding.starts_with("gzip;q=") ? std::string_view(coding).substr(7) : "";
    if (coding == "gzip") return true;
    if (!weight.empty()) return weight.find_first_not_of("0.") != std::string_view::npos;
  }
  return false;
}

}  // namespace

HttpResponse AnswerFile(const EmbeddedFile& file, const HttpRequest& request) {
  HttpResponse response;
  const bool packed = !file.packed.empty() && AcceptsGzip(request.Header("accept-encoding"));
  const std::string etag = '"' + std::string(file.digest) + (packed ? "-gzip\"" : "\"");
  response.headers = {{"ETag", etag}, {"Cache-Control", "no-cache"}, {"Vary", "Accept-Encoding"}};
  if (Knows(request.Header("if-none-match"), etag)) {
    response.status = 304;
    return response;
  }
  response.content_type = ContentType(file.path);
  if (packed) response.headers.emplace_back("Content-Encoding", "gzip");
  response.body = packed ? file.packed : file.bytes;
  return response;
}

void ServeFiles(HttpServer& server, std::span<const EmbeddedFile> files) {
  for (const EmbeddedFile& file : files) {
    const auto answer = [&file](const HttpRequest& request) { return AnswerFile(file, request); };
    server.Route("GET", std::string(file.path), answer);
    if (file.path == "/index.html") server.Route("GET", "/", answer);
  }
}

}  // namespace puna
