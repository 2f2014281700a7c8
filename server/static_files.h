#pragma once

#include <span>
#include <string_view>

#include "server/http_server.h"
#include "server/http_types.h"

namespace puna {

// A file inside the program. All views last as long as the program.
struct EmbeddedFile {
  std::string_view path;  // as in a URL: "/main.js"
  std::string_view bytes;
  std::string_view packed;  // the same by gzip; empty if that is not smaller
  std::string_view digest;  // hex, of the bytes: its ETag
};

// The files of web/ and what they use of npm packages, put into the program by embed_files.cmake, sorted by
// path.
std::span<const EmbeddedFile> EmbeddedWebFiles();

// Adds a GET route for each file under its exact path, and for "/" as /index.html. No file system is touched,
// so no path can lead anywhere else. `files` must outlive the server. Before Start.
void ServeFiles(HttpServer& server, std::span<const EmbeddedFile> files);

// 200 with the file, by gzip for who accepts that, or 304 if the request's If-None-Match knows these bytes.
// Browsers ask each time (no-cache), so a new program never meets an old page.
HttpResponse AnswerFile(const EmbeddedFile& file, const HttpRequest& request);

}  // namespace puna
