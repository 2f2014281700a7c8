#include "tests/server/api_test_support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "server/routes.h"
#include "tokenizer/chat_format.h"

namespace puna {
namespace {

std::unique_ptr<Tokenizer> DemoTokenizer() {
  const std::string path = PUNA_SOURCE_DIR "/models/demo/tokenizer.model";
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return Tokenizer::FromTiktoken(bytes.str(), path);
}

EngineOptions Options(int max_context, int max_queue) {
  EngineOptions options;
  options.max_context = max_context;
  options.max_queue = max_queue;
  // Room for one answer as long as the context: it must not end before a test's client leaves it.
  options.num_kv_blocks = std::max(1024, max_context / options.kv_block_tokens + 1);
  return options;
}

}  // namespace

ScriptedModel::ScriptedModel(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

void ScriptedModel::Say(size_t prompt_tokens, std::vector<TokenId> answer) {
  prompt_tokens_ = prompt_tokens;
  answer_ = std::move(answer);
  for_ever_ = -1;
}

void ScriptedModel::SayForEver(TokenId token) { for_ever_ = token; }

TokenId ScriptedModel::Next(int position) const {
  if (for_ever_ >= 0) return for_ever_;
  const size_t index = static_cast<size_t>(position) + 1 - prompt_tokens_;
  return index < answer_.size() ? answer_[index] : tokenizer_.stop_tokens().back();
}

std::span<const float> ScriptedModel::Forward(const Batch& batch) {
  logits_.clear();
  hidden_.clear();
  for (const BatchRow& row : batch.rows) {
    const auto position = static_cast<size_t>(row.position);
    if (position == 0) prompt_.clear();
    if (position < prompt_tokens_ && position == prompt_.size()) prompt_.push_back(row.token);
    if (row.wants_hidden) {
      const auto token = static_cast<float>(row.token);
      hidden_.insert(hidden_.end(), {3 * token + 1, 4 * token + 1});
    }
    if (!row.wants_logits) continue;
    const size_t begin = logits_.size();
    logits_.resize(begin + static_cast<size_t>(vocab_size()), 0.0f);
    logits_[begin + static_cast<size_t>(Next(row.position))] = 10.0f;
  }
  ++steps_;
  return logits_;
}

ApiBench::ApiBench(int max_context, int max_queue, std::vector<std::string> api_keys)
    : ApiBench(DemoTokenizer(), ChatFormat::kLlama3, max_context, max_queue, std::move(api_keys)) {}

ApiBench::ApiBench(std::unique_ptr<Tokenizer> tokenizer, ChatFormat chat_format, int max_context,
                   int max_queue, std::vector<std::string> api_keys)
    : tokenizer_(std::move(tokenizer)),
      model_(*tokenizer_),
      engine_(model_, Options(max_context, max_queue)),
      served_{.engine = engine_,
              .tokenizer = *tokenizer_,
              .chat_format = chat_format,
              .id = "demo",
              .created = 1'700'000'000,
              .fingerprint = "fp_0123456789",
              .max_context = max_context,
              .chat_max_tokens = 0,
              .request_timeout = {},
              .details = {.embedding_length = 2},
              .structure = {},
              .unknown_fields = {},
              .draining = false},
      routes_(ApiRoutes(state_, ApiKeys(std::move(api_keys)))) {
  state_.model = &served_;
}

HttpResponse ApiBench::Handle(const std::string& method, const std::string& path, const std::string& body,
                              const std::string& authorization, const std::string& query) {
  HttpRequest http;
  http.id = "req-0";
  http.method = method;
  http.path = path;
  http.query = query;
  http.body = body;
  http.arrived = std::chrono::steady_clock::now();
  http.client_gone = [] { return false; };
  if (!authorization.empty()) http.headers["authorization"] = authorization;
  for (const auto& [route_method, pattern, handler] : routes_) {
    const bool under = pattern.ends_with("/*") && path.starts_with(pattern.substr(0, pattern.size() - 1));
    if (route_method == method && (pattern == path || under)) return handler(http);
  }
  ADD_FAILURE() << "no route " << method << " " << path;
  return {};
}

HttpResponse ApiBench::Get(const std::string& path, const std::string& authorization,
                           const std::string& query) {
  return Handle("GET", path, "", authorization, query);
}

HttpResponse ApiBench::Delete(const std::string& path, const std::string& authorization) {
  return Handle("DELETE", path, "", authorization);
}

HttpResponse ApiBench::Post(const std::string& path, const std::string& body,
                            const std::string& authorization) {
  return Handle("POST", path, body, authorization);
}

void ApiBench::AnswerChat(const std::string& message, const std::string& answer) {
  const std::vector<ChatMessage> messages = {{"user", message}};
  model_.Say(EncodeChat(served_.chat_format, *tokenizer_, messages).size(), tokenizer_->Encode(answer));
}

void ApiBench::AnswerCompletion(const std::string& prompt, const std::string& answer) {
  model_.Say(tokenizer_->Encode(prompt).size() + 1, tokenizer_->Encode(answer));
}

bool RecordingWriter::Write(std::string_view bytes) {
  if (leaves_after_ == 0) gone_ = true;
  if (leaves_after_ > 0) --leaves_after_;
  if (gone_) return false;
  text_ += bytes;
  return true;
}

std::vector<SseEventText> RecordingWriter::Events() const {
  std::vector<SseEventText> events;
  std::istringstream lines(text_);
  SseEventText event;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) {
      events.push_back(event);
      event = {};
    } else if (line.starts_with("event: ")) {
      event.event = line.substr(7);
    } else if (line.starts_with("data: ")) {
      EXPECT_EQ(event.data, "") << "one data line per event";
      event.data = line.substr(6);
    } else {
      ADD_FAILURE() << "unexpected line: " << line;
    }
  }
  return events;
}

std::vector<nlohmann::json> Chunks(const HttpResponse& response) {
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.content_type, "text/event-stream");
  std::vector<nlohmann::json> chunks;
  if (!response.stream) {
    ADD_FAILURE() << "not a stream: " << response.body;
    return chunks;
  }
  RecordingWriter writer;
  response.stream(writer);
  const std::vector<SseEventText> events = writer.Events();
  if (events.empty() || events.back().data != "[DONE]") {
    ADD_FAILURE() << "no [DONE] at the end: " << writer.text();
    return chunks;
  }
  for (size_t i = 0; i + 1 < events.size(); ++i) {
    EXPECT_EQ(events[i].event, "");
    chunks.push_back(nlohmann::json::parse(events[i].data));
  }
  return chunks;
}

std::vector<nlohmann::json> ResponseEventsOf(const HttpResponse& response) {
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.content_type, "text/event-stream");
  std::vector<nlohmann::json> events;
  if (!response.stream) {
    ADD_FAILURE() << "not a stream: " << response.body;
    return {nullptr};
  }
  RecordingWriter writer;
  response.stream(writer);
  for (const SseEventText& event : writer.Events()) {
    events.push_back(nlohmann::json::parse(event.data));
    EXPECT_EQ(events.back().at("type"), event.event);
  }
  return events;
}

nlohmann::json BodyOf(const HttpResponse& response) {
  EXPECT_EQ(response.content_type, "application/json");
  return nlohmann::json::parse(response.body);
}

}  // namespace puna
