#include "server/http_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "server/api_error.h"

namespace puna {
namespace {

constexpr size_t kMaxLine = 256;  // a chunk's size with its extensions, or one trailer line
constexpr size_t kMaxTrailerBytes = 4096;

}  // namespace

HttpBodyReader::HttpBodyReader(const HttpHead& head, size_t max_bytes)
    : max_bytes_(max_bytes), state_(head.chunked ? State::kChunkSize : State::kLength) {
  if (head.chunked) return;
  remaining_ = head.content_length.value_or(0);
  if (remaining_ > max_bytes_) TooLarge();
  if (remaining_ == 0) state_ = State::kDone;
}

size_t HttpBodyReader::Take(std::string_view bytes) {
  size_t taken = 0;
  while (taken < bytes.size() && !done()) {
    const std::string_view rest = bytes.substr(taken);
    switch (state_) {
      case State::kLength:
        taken += TakeData(rest, State::kDone);
        break;
      case State::kChunkData:
        taken += TakeData(rest, State::kChunkEnd);
        break;
      case State::kChunkSize:
      case State::kChunkEnd:
      case State::kTrailer:
        taken += TakeLine(rest);
        break;
      case State::kDone:
        break;
    }
  }
  return taken;
}

size_t HttpBodyReader::TakeData(std::string_view bytes, State next) {
  const size_t count = static_cast<size_t>(std::min<uint64_t>(bytes.size(), remaining_));
  if (count > max_bytes_ - body_.size()) TooLarge();
  body_.append(bytes.substr(0, count));
  remaining_ -= count;
  if (remaining_ == 0) state_ = next;
  return count;
}

size_t HttpBodyReader::TakeLine(std::string_view bytes) {
  const size_t newline = bytes.find('\n');
  const size_t count = newline == std::string_view::npos ? bytes.size() : newline + 1;
  if (line_.size() + count > kMaxLine) throw RequestError(400, "a line of the chunked body is too long");
  line_.append(bytes.substr(0, count));
  if (line_.back() == '\n') EndLine();
  return count;
}

void HttpBodyReader::EndLine() {
  if (!line_.ends_with("\r\n")) throw RequestError(400, "a line of the chunked body must end in CR LF");
  const std::string_view line = std::string_view(line_).substr(0, line_.size() - 2);
  switch (state_) {
    case State::kChunkSize:
      ParseChunkSize(line);
      break;
    case State::kChunkEnd:
      if (!line.empty()) throw RequestError(400, "a chunk of the body is longer than its size says");
      state_ = State::kChunkSize;
      break;
    default:
      trailer_bytes_ += line_.size();
      if (trailer_bytes_ > kMaxTrailerBytes) {
        throw RequestError(431, "the trailers of the chunked body are too long");
      }
      if (line.empty()) state_ = State::kDone;
  }
  line_.clear();
}

void HttpBodyReader::ParseChunkSize(std::string_view line) {
  uint64_t size = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
  if (error == std::errc::result_out_of_range) TooLarge();
  // from_chars takes no sign, no "0x" and no blanks for an unsigned type; only an extension may follow the
  // digits.
  const bool only_extensions = end == line.data() + line.size() || *end == ';';
  if (error != std::errc() || !only_extensions) {
    throw RequestError(400, fmt::format("a chunk of the body has the bad size '{}'", Printable(line, 20)));
  }
  if (size > max_bytes_ - body_.size()) TooLarge();
  remaining_ = size;
  state_ = size == 0 ? State::kTrailer : State::kChunkData;
}

void HttpBodyReader::TooLarge() const {
  throw RequestError(413, fmt::format("the request body may have at most {} bytes", max_bytes_));
}

}  // namespace puna
