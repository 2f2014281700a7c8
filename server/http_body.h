#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/http_head.h"

namespace puna {

// Collects a request body, sent with a Content-Length or chunked (RFC 9112, section 7.1), from bytes as they
// arrive. Never holds more than max_bytes, whatever was announced; chunk extensions and trailers are skipped.
// Pure: no socket, no clock.
class HttpBodyReader {
 public:
  // Throws RequestError 413 if the announced length is above max_bytes.
  HttpBodyReader(const HttpHead& head, size_t max_bytes);

  // Takes the bytes that belong to the body and returns how many it took.
  // Throws RequestError: 413 beyond max_bytes, 400 for bad chunks.
  size_t Take(std::string_view bytes);

  bool done() const { return state_ == State::kDone; }
  size_t size() const { return body_.size(); }
  std::string TakeBody() { return std::move(body_); }  // REQUIRES: done()

 private:
  enum class State { kLength, kChunkSize, kChunkData, kChunkEnd, kTrailer, kDone };

  size_t TakeData(std::string_view bytes, State next);
  size_t TakeLine(std::string_view bytes);
  void EndLine();
  void ParseChunkSize(std::string_view line);
  [[noreturn]] void TooLarge() const;

  const size_t max_bytes_;
  State state_;
  uint64_t remaining_ = 0;    // of the body, or of this chunk
  std::string line_;          // an unfinished line of the chunk framing
  size_t trailer_bytes_ = 0;  // seen
  std::string body_;
};

}  // namespace puna
