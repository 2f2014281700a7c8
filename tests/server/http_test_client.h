#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "server/http_server.h"

namespace puna {

// An answer as it came over the wire.
struct WireAnswer {
  int status = 0;                              // 0: the connection ended without one
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // chunks put together
  bool whole = false;                          // as long as announced, or with its last chunk

  bool Has(const std::string& name) const { return headers.contains(name); }
  // The error object's member as text; "" if the body is not an error in OpenAI's shape with all four
  // members.
  std::string ErrorMessage() const;
};

WireAnswer ParseAnswer(std::string_view bytes);

// A TCP client that sends exactly the bytes it is told to.
class WireClient {
 public:
  // receive_buffer: bytes, 0 for the system's choice. source: the IPv4 loopback address to come from.
  explicit WireClient(int port, int receive_buffer = 0, const char* source = nullptr);
  ~WireClient() { Close(); }
  WireClient(const WireClient&) = delete;
  WireClient& operator=(const WireClient&) = delete;

  bool Send(std::string_view bytes);  // false once the server has closed
  void HalfClose();                   // as `nc -N`
  void Close();
  void Reset();  // closes with RST

  // Reads until `text` has arrived; false if the connection ended before.
  bool ReadUntil(std::string_view text);
  // Reads to the end of the connection. What ReadUntil has read belongs to it.
  std::string ReadAll();
  WireAnswer ReadAnswer() { return ParseAnswer(ReadAll()); }
  const std::string& received() const { return received_; }

 private:
  bool ReadSome();

  int fd_;
  std::string received_;
};

// One request, one answer.
WireAnswer Exchange(int port, std::string_view bytes);

// "GET <path> HTTP/1.1" with a good Host and `headers`, each "Name: value\r\n".
std::string Get(std::string_view path, std::string_view headers = "");
std::string PostJson(std::string_view path, std::string_view body, std::string_view headers = "");

// Of this process.
int OpenDescriptors();
int RunningThreads();

// A port of 0, and short limits where a test waits for them.
HttpServerOptions TestOptions();

HttpResponse Json(std::string body);

}  // namespace puna
