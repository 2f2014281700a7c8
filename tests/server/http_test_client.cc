#include "tests/server/http_test_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace puna {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower;
}

void ParseChunks(std::string_view bytes, WireAnswer& answer) {
  while (true) {
    const size_t line_end = bytes.find("\r\n");
    if (line_end == std::string_view::npos) return;
    const size_t size = std::stoul(std::string(bytes.substr(0, line_end)), nullptr, 16);
    bytes.remove_prefix(line_end + 2);
    if (size == 0) {
      answer.whole = bytes == "\r\n";
      return;
    }
    answer.body += bytes.substr(0, size);
    if (bytes.size() < size + 2) return;
    bytes.remove_prefix(size + 2);
  }
}

}  // namespace

std::string WireAnswer::ErrorMessage() const {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (json.is_discarded() || !json.contains("error")) return "";
  const auto& error = json["error"];
  for (const char* member : {"message", "type", "param", "code"}) {
    if (!error.contains(member)) return "";
  }
  return error["message"];
}

WireAnswer ParseAnswer(std::string_view bytes) {
  WireAnswer answer;
  while (bytes.starts_with("HTTP/1.1 100")) bytes.remove_prefix(bytes.find("\r\n\r\n") + 4);
  const size_t head_end = bytes.find("\r\n\r\n");
  if (!bytes.starts_with("HTTP/1.1 ") || head_end == std::string_view::npos) return answer;
  answer.status = std::stoi(std::string(bytes.substr(9, 3)));
  std::string_view lines = bytes.substr(0, head_end + 2);
  lines.remove_prefix(lines.find("\r\n") + 2);
  while (!lines.empty()) {
    const size_t end = lines.find("\r\n");
    const size_t colon = lines.find(": ");
    const bool is_new =
        answer.headers.emplace(Lower(lines.substr(0, colon)), lines.substr(colon + 2, end - colon - 2))
            .second;
    EXPECT_TRUE(is_new) << "sent twice: " << lines.substr(0, end);
    lines.remove_prefix(end + 2);
  }
  const std::string_view rest = bytes.substr(head_end + 4);
  if (answer.Has("transfer-encoding")) {
    ParseChunks(rest, answer);
  } else {
    answer.body = rest;
    answer.whole =
        !answer.Has("content-length") || std::stoul(answer.headers["content-length"]) == rest.size();
  }
  return answer;
}

WireClient::WireClient(int port, int receive_buffer, const char* source)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  EXPECT_GE(fd_, 0);
  if (receive_buffer > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  // A test that would wait for ever fails instead.
  const timeval limit{60, 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (source != nullptr) {
    EXPECT_EQ(inet_pton(AF_INET, source, &address.sin_addr), 1) << source;
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << source;
  }
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << port;
}

bool WireClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

void WireClient::HalfClose() { shutdown(fd_, SHUT_WR); }

void WireClient::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

void WireClient::Reset() {
  const linger at_once{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  Close();
}

bool WireClient::ReadSome() {
  char buffer[16 << 10];
  const ssize_t count = recv(fd_, buffer, sizeof buffer, 0);
  EXPECT_FALSE(count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) << "the server left us waiting";
  if (count <= 0) return false;
  received_.append(buffer, static_cast<size_t>(count));
  return true;
}

bool WireClient::ReadUntil(std::string_view text) {
  while (received_.find(text) == std::string::npos) {
    if (!ReadSome()) return false;
  }
  return true;
}

std::string WireClient::ReadAll() {
  while (ReadSome()) {
  }
  return received_;
}

WireAnswer Exchange(int port, std::string_view bytes) {
  WireClient client(port);
  client.Send(bytes);
  return client.ReadAnswer();
}

std::string Get(std::string_view path, std::string_view headers) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", path, headers);
}

std::string PostJson(std::string_view path, std::string_view body, std::string_view headers) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
      "{}\r\n{}\r\n{}",
      path, body.size(), headers, body);
}

int OpenDescriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<int>(std::distance(begin(all), end(all)));
}

int RunningThreads() {
  const std::filesystem::directory_iterator all("/proc/self/task");
  return static_cast<int>(std::distance(begin(all), end(all)));
}

HttpServerOptions TestOptions() {
  HttpServerOptions options;
  options.port = 0;
  return options;
}

HttpResponse Json(std::string body) {
  HttpResponse response;
  response.body = std::move(body);
  return response;
}

}  // namespace puna
