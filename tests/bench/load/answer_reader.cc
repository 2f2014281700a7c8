#include "tests/bench/load/answer_reader.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <stdexcept>

namespace puna::bench {
namespace {

// Moves bytes up to and with the next line feed into `line`; false if there is none yet.
bool TakeLine(std::string_view& bytes, std::string& line) {
  const size_t end = bytes.find('\n');
  line.append(bytes.substr(0, end));
  if (end == std::string_view::npos) {
    bytes = {};
    return false;
  }
  bytes.remove_prefix(end + 1);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return true;
}

uint64_t ChunkSize(const std::string& line) {
  uint64_t size = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
  if (error != std::errc() || end == line.data())
    throw std::runtime_error("expected the size of a chunk, found '" + line + "'");
  return size;
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Whether the member `name` (with its quotation marks and colon) is a string that is not empty.
bool HasText(std::string_view data, std::string_view name) {
  const size_t at = data.find(name);
  if (at == std::string_view::npos) return false;
  const std::string_view value = data.substr(at + name.size());
  return value.size() >= 2 && value[0] == '"' && value[1] != '"';
}

}  // namespace

void ChunkedBody::Feed(std::string_view bytes, std::string& body) {
  while (!bytes.empty() && state_ != State::kDone) {
    if (state_ == State::kData) {
      const size_t count = static_cast<size_t>(std::min<uint64_t>(remaining_, bytes.size()));
      body.append(bytes.substr(0, count));
      bytes.remove_prefix(count);
      remaining_ -= count;
      if (remaining_ == 0) state_ = State::kDataEnd;
      continue;
    }
    if (!TakeLine(bytes, line_)) return;
    switch (state_) {
      case State::kSize:
        remaining_ = ChunkSize(line_);
        state_ = remaining_ > 0 ? State::kData : State::kTrailer;
        break;
      case State::kDataEnd:
        if (!line_.empty()) throw std::runtime_error("a chunk is longer than its size says");
        state_ = State::kSize;
        break;
      case State::kTrailer:
        if (line_.empty()) state_ = State::kDone;
        break;
      case State::kData:
      case State::kDone:
        break;
    }
    line_.clear();
  }
}

void SseSplitter::Feed(std::string_view bytes, const std::function<void(std::string_view)>& on_data) {
  // An end may have begun in what is pending already.
  size_t search_from = pending_.empty() ? 0 : pending_.size() - 1;
  pending_.append(bytes);
  size_t begin = 0;
  for (size_t end; (end = pending_.find("\n\n", search_from)) != std::string::npos; search_from = begin) {
    std::string_view event = std::string_view(pending_).substr(begin, end - begin);
    begin = end + 2;
    while (!event.empty()) {
      const std::string_view line = event.substr(0, event.find('\n'));
      event.remove_prefix(std::min(line.size() + 1, event.size()));
      if (line.starts_with("data: ")) on_data(line.substr(6));
    }
  }
  pending_.erase(0, begin);
}

EventKind KindOf(std::string_view data) {
  if (data == "[DONE]") return EventKind::kDone;
  if (data.starts_with("{\"error\":")) return EventKind::kError;
  if (HasText(data, "\"content\":") || HasText(data, "\"text\":")) return EventKind::kText;
  if (Contains(data, "\"usage\":{")) return EventKind::kUsage;
  return EventKind::kOther;
}

bool AnswerReader::ReadHead(std::string_view& bytes) {
  const size_t before = head_.size();
  head_.append(bytes);
  const size_t end = head_.find("\r\n\r\n");
  if (end == std::string::npos) {
    bytes = {};
    return false;
  }
  bytes.remove_prefix(end + 4 - before);
  head_.resize(end);
  if (!head_.starts_with("HTTP/1.1 ") || head_.size() < 12)
    throw std::runtime_error("expected HTTP/1.1, found '" + head_.substr(0, head_.find('\r')) + "'");
  std::from_chars(head_.data() + 9, head_.data() + 12, status_);
  std::ranges::transform(head_, head_.begin(), [](unsigned char c) { return std::tolower(c); });
  chunked_ = Contains(head_, "\r\ntransfer-encoding: chunked");
  is_events_ = Contains(head_, "\r\ncontent-type: text/event-stream");
  return true;
}

void AnswerReader::Feed(std::string_view bytes, const std::function<void(std::string_view)>& on_data) {
  if (status_ == 0 && !ReadHead(bytes)) return;
  scratch_.clear();
  if (chunked_) {
    body_.Feed(bytes, scratch_);
  } else {
    scratch_.append(bytes);
  }
  if (is_events_) {
    events_.Feed(scratch_, on_data);
  } else {
    plain_.append(scratch_);
  }
}

}  // namespace puna::bench
