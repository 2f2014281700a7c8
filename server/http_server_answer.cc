#include "server/http_server_answer.h"

#include <httplib.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>

#include "engine/base/error.h"
#include "server/api_error.h"
#include "server/error_form.h"

namespace puna {
namespace {

// What every answer carries. The page needs nothing from elsewhere, and nobody may frame it.
constexpr std::pair<const char*, const char*> kAlways[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Content-Security-Policy",
     "default-src 'self'; img-src 'self' data:; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
     "form-action 'self'"},
    {"Accept-Ranges", "none"},
};

HttpResponse InternalError(const HttpRequest& request, const char* detail) {
  spdlog::error("request {} failed: {}", request.id, Printable(detail));
  return ErrorResponse(RequestError(500, "internal error while answering request " + request.id, {},
                                    "internal_error", "server_error"),
                       request);
}

HttpResponse RunHandler(const HttpHandler& handler, const HttpRequest& request) {
  try {
    return handler(request);
  } catch (const RequestError& error) {
    return ErrorResponse(error, request);
  } catch (const std::exception& error) {
    return InternalError(request, error.what());
  } catch (...) {
    return InternalError(request, "an exception of an unknown type");
  }
}

class StreamedBody : public BodyWriter {
 public:
  StreamedBody(httplib::DataSink& chunks, HttpAnswerSink& sink, bool is_events)
      : chunks_(chunks), sink_(sink), is_events_(is_events) {}

  bool Write(std::string_view bytes) override {
    // An empty chunk would end the body.
    if (!bytes.empty() && !chunks_.write(bytes.data(), bytes.size())) failed_ = true;
    return !failed_;
  }

  bool ClientGone() override {
    if (failed_) return true;
    // A comment, which readers of server-sent events skip.
    return sink_.Gone(is_events_ ? kEventProbe : std::string_view());
  }

  bool failed() const { return failed_; }

 private:
  static constexpr std::string_view kEventProbe = "3\r\n:\n\n\r\n";

  httplib::DataSink& chunks_;
  HttpAnswerSink& sink_;
  const bool is_events_;
  bool failed_ = false;
};

// What httplib reads is the request that passed the guard, reduced to its method: the guard has read the
// rest, and httplib's own reading of headers, ranges, encodings and bodies has known holes. What it writes
// goes to the sink.
class AnswerStream : public httplib::Stream {
 public:
  AnswerStream(const HttpRequest& request, HttpAnswerSink& sink)
      : head_((request.method == "HEAD" ? "HEAD" : "GET") + std::string(" / HTTP/1.1\r\n\r\n")),
        sink_(sink) {}

  bool is_readable() const override { return !head_.empty(); }
  bool is_writable() const override { return !failed_; }
  ssize_t read(char* out, size_t size) override {
    const size_t count = std::min(size, head_.size() - read_);
    std::memcpy(out, head_.data() + read_, count);
    read_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* bytes, size_t size) override {
    if (failed_ || !sink_.Send({bytes, size})) failed_ = true;
    return failed_ ? -1 : static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return -1; }  // none of its business

  bool failed() const { return failed_; }

 private:
  const std::string head_;
  size_t read_ = 0;
  HttpAnswerSink& sink_;
  bool failed_ = false;
};

// One request's passage through httplib: its routing calls the handler, and its writer renders the answer.
class Answerer : private httplib::Server {
 public:
  Answerer(const HttpRequest& request, int minor_version,
           const std::vector<std::pair<std::string, std::string>>& headers, const HttpHandler& handler,
           HttpAnswerSink& sink)
      : request_(request), minor_version_(minor_version), headers_(headers), handler_(handler), sink_(sink) {
    // httplib ends streams when its listening socket is closed; ours is not its own, so it only must not look
    // closed.
    svr_sock_ = 0;
    set_pre_routing_handler([this](const httplib::Request&, httplib::Response& out) {
      Respond(RunHandler(handler_, request_), out);
      return HandlerResponse::Handled;
    });
    set_exception_handler([this](const httplib::Request&, httplib::Response& out, std::exception_ptr) {
      Respond(InternalError(request_, "the answer could not be made"), out);
    });
    set_post_routing_handler([this](const httplib::Request&, httplib::Response& out) {
      // RFC 9110, section 8.6: the length of a body that cannot be, or is not known, is not said.
      if (out.status == 204 || out.status == 304 || length_unknown_) out.headers.erase("Content-Length");
    });
  }

  HttpAnswer Run() {
    AnswerStream stream(request_, sink_);
    bool closed = false;
    const bool written = process_request(stream, /*close_connection=*/true, closed, nullptr);
    answer_.complete = written && !stream.failed() && !stream_failed_;
    return answer_;
  }

 private:
  void Respond(HttpResponse response, httplib::Response& out) {
    out.status = answer_.status = response.status;
    out.headers.clear();
    const auto set = [&out](const std::string& name, const std::string& value) {
      out.headers.erase(name);  // the last word counts
      out.set_header(name, value);
    };
    for (const auto& [name, value] : kAlways) set(name, value);
    set("Cache-Control", "no-store");
    for (const auto& [name, value] : response.headers) set(name, value);
    for (const auto& [name, value] : headers_) set(name, value);
    set("X-Request-Id", request_.id);
    const bool is_stream = response.stream != nullptr;
    if (is_stream) {
      set("Cache-Control", "no-store");
      set("X-Accel-Buffering", "no");
    }
    if (is_stream) return SetStream(std::move(response), out);
    if (!response.body.empty()) set("Content-Type", response.content_type);
    out.body = std::move(response.body);
  }

  void SetStream(HttpResponse response, httplib::Response& out) {
    if (request_.method == "HEAD") {
      out.set_header("Content-Type", response.content_type);
      length_unknown_ = true;
      return;
    }
    answer_.streamed = true;
    sink_.BeginStream();
    const bool is_events = response.content_type.starts_with("text/event-stream") && minor_version_ == 1;
    auto provide = [this, is_events, stream = std::move(response.stream)](size_t, httplib::DataSink& chunks) {
      StreamedBody body(chunks, sink_, is_events);
      stream_failed_ = !RunStream(stream, body);
      // Without the last chunk the client knows that the answer is not whole.
      if (!stream_failed_) chunks.done();
      return !stream_failed_;
    };
    // HTTP/1.0 has no chunks: the body ends with the connection.
    if (minor_version_ == 1) {
      out.set_chunked_content_provider(response.content_type, provide);
    } else {
      out.set_content_provider(response.content_type, provide);
    }
  }

  bool RunStream(const std::function<void(BodyWriter&)>& stream, StreamedBody& body) {
    try {
      stream(body);
      return !body.failed();
    } catch (const std::exception& error) {
      spdlog::error("request {} failed while it streamed: {}", request_.id, Printable(error.what()));
    } catch (...) {
      spdlog::error("request {} failed while it streamed", request_.id);
    }
    return false;
  }

  const HttpRequest& request_;
  const int minor_version_;
  const std::vector<std::pair<std::string, std::string>>& headers_;
  const HttpHandler& handler_;
  HttpAnswerSink& sink_;
  HttpAnswer answer_;
  bool stream_failed_ = false;
  bool length_unknown_ = false;  // HEAD of a streamed answer
};

}  // namespace

HttpAnswer AnswerHttpRequest(const HttpRequest& request, int minor_version,
                             const std::vector<std::pair<std::string, std::string>>& headers,
                             const HttpHandler& handler, HttpAnswerSink& sink) noexcept {
  try {
    return Answerer(request, minor_version, headers, handler, sink).Run();
  } catch (...) {
    // Out of memory even for the error: the connection is closed without an answer.
    return HttpAnswer{};
  }
}

}  // namespace puna
