#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace puna::bench {

// Takes the chunk framing (RFC 9112, section 7.1) off a body as it arrives. Written for a server under test
// on loopback, not for hostile ones: what is not chunked throws std::runtime_error.
class ChunkedBody {
 public:
  // Appends what `bytes` hold of the body to `body`.
  void Feed(std::string_view bytes, std::string& body);
  bool done() const { return state_ == State::kDone; }

 private:
  enum class State { kSize, kData, kDataEnd, kTrailer, kDone };

  State state_ = State::kSize;
  uint64_t remaining_ = 0;  // of this chunk
  std::string line_;        // an unfinished line of the framing
};

// Cuts server-sent events out of a body, however it was cut on the way.
class SseSplitter {
 public:
  // Calls `on_data` with the data of each event that `bytes` complete; comments have none.
  void Feed(std::string_view bytes, const std::function<void(std::string_view)>& on_data);
  // Whether an event has begun and not ended.
  bool inside_event() const { return !pending_.empty(); }

 private:
  std::string pending_;
};

// What one event of a streamed answer is to a client that waits for text.
enum class EventKind {
  kText,   // a piece of the answer
  kUsage,  // the chunk with the sums
  kError,
  kDone,   // "[DONE]"
  kOther,  // the role, the finish reason
};

// Looks for the members' names instead of reading JSON: the client shares its processor with the server. A
// name inside of a text has backslashes before its quotation marks and is not taken for one.
EventKind KindOf(std::string_view data);

// One streamed answer from its status line to its end, in bytes as they arrive.
class AnswerReader {
 public:
  // `on_data`: as SseSplitter's. Throws std::runtime_error for what is not HTTP/1.1.
  void Feed(std::string_view bytes, const std::function<void(std::string_view)>& on_data);

  int status() const { return status_; }  // 0 until the head has arrived
  // The body of an answer that is not a stream of events, as far as it came.
  const std::string& plain_body() const { return plain_; }
  // The last chunk has arrived: nothing was cut off.
  bool whole() const { return chunked_ && body_.done() && !events_.inside_event(); }

 private:
  bool ReadHead(std::string_view& bytes);

  std::string head_;
  int status_ = 0;
  bool chunked_ = false;
  bool is_events_ = false;
  ChunkedBody body_;
  SseSplitter events_;
  std::string scratch_;
  std::string plain_;
};

}  // namespace puna::bench
