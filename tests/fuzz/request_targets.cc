#include <array>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "server/api/chat_request.h"
#include "server/api/completion_request.h"
#include "server/api/messages/message_request.h"
#include "server/api/responses/response_request.h"
#include "server/api_error.h"
#include "tests/fuzz/fuzz_targets.h"

namespace puna::fuzz {
namespace {

constexpr int kVocabulary = 1000;

std::string_view TextOf(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Whatever is refused is the client's mistake, and is said in one line.
template <typename Parse>
void ParseOrRefuse(Parse parse) {
  try {
    parse();
  } catch (const RequestError& error) {
    CHECK(error.status() == 400) << error.what();
    CHECK(std::string_view(error.what()).find('\n') == std::string_view::npos) << error.what();
  }
}

void ChatRequestBody(std::span<const std::byte> input) {
  ParseOrRefuse([&] {
    std::vector<std::string> unknown;
    const ChatRequest request = ParseChatRequest(TextOf(input), kVocabulary, unknown);
    CHECK(!request.messages.empty());
    CHECK(!request.max_tokens || *request.max_tokens >= 1) << *request.max_tokens;
    CHECK(request.options.n >= 1) << request.options.n;
  });
}

void CompletionRequestBody(std::span<const std::byte> input) {
  ParseOrRefuse([&] {
    std::vector<std::string> unknown;
    const CompletionRequest request = ParseCompletionRequest(TextOf(input), kVocabulary, unknown);
    CHECK(!request.prompts.empty() && request.best_of >= request.options.n);
    for (const Prompt& prompt : request.prompts) {
      const auto* ids = std::get_if<std::vector<TokenId>>(&prompt);
      if (ids == nullptr) continue;
      CHECK(!ids->empty());
      for (const TokenId id : *ids) CHECK(id >= 0 && id < kVocabulary) << id;
    }
  });
}

void ResponseRequestBody(std::span<const std::byte> input) {
  ParseOrRefuse([&] {
    std::vector<std::string> unknown;
    const ResponseRequest request = ParseResponseRequest(TextOf(input), kVocabulary, unknown);
    CHECK(!request.input.empty());
    CHECK(!request.max_tokens || *request.max_tokens >= 1) << *request.max_tokens;
    CHECK(request.echo.at("tools").is_array() && request.echo.at("text").contains("format"));
  });
}

void MessageRequestBody(std::span<const std::byte> input) {
  for (const MessagePurpose purpose : {MessagePurpose::kAnswer, MessagePurpose::kCount}) {
    ParseOrRefuse([&] {
      std::vector<std::string> unknown;
      const MessageRequest request = ParseMessageRequest(TextOf(input), purpose, unknown);
      CHECK(purpose == MessagePurpose::kCount || request.max_tokens >= 1) << request.max_tokens;
    });
  }
}

constexpr std::array<Target, 4> kTargets{{{"chat_request", ChatRequestBody},
                                          {"completion_request", CompletionRequestBody},
                                          {"response_request", ResponseRequestBody},
                                          {"message_request", MessageRequestBody}}};

}  // namespace

std::span<const Target> RequestTargets() { return kTargets; }

}  // namespace puna::fuzz
