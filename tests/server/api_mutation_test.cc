// Whatever a client sends, it is answered: 200, or a 4xx in OpenAI's form. Thousands of bodies that began as
// good ones and were changed a little, or a lot; the same ones in every run.

#include <gtest/gtest.h>

#include <random>
#include <span>

#include "tests/server/api_test_support.h"

namespace puna {
namespace {

using nlohmann::json;

struct Good {
  const char* path;
  const char* body;
};

constexpr Good kGood[] = {
    {"/v1/chat/completions",
     R"({"model": "demo", "messages": [{"role": "system", "content": "Be brief."},
         {"role": "user", "content": [{"type": "text", "text": "Hi 🗽"}], "name": "me"},
         {"role": "assistant", "content": "Yes?", "refusal": null}, {"role": "tool", "content": "7", "tool_call_id": "a"}],
         "max_completion_tokens": 3, "temperature": 0.5, "top_p": 0.9, "seed": 7, "n": 2, "stop": ["x", "yz"],
         "presence_penalty": 0.5, "frequency_penalty": -0.5, "logit_bias": {"5": 3}, "logprobs": true, "top_logprobs": 3,
         "stream": true, "stream_options": {"include_usage": true}, "user": "u", "metadata": {"a": "b"}, "store": false,
         "top_k": 5, "min_p": 0.1, "repeat_penalty": 1.1, "ignore_eos": false, "return_token_ids": true,
         "service_tier": "auto", "reasoning_effort": "low", "verbosity": "low", "response_format": {"type": "text"},
         "prediction": {"type": "content", "content": "x"}, "tools": [], "tool_choice": "none", "modalities": ["text"]})"},
    {"/v1/chat/completions",
     R"({"model": "demo", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": null,
         "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}], "max_tokens": 2,
         "tools": [{"type": "function", "function": {"name": "f", "description": "d", "strict": true, "parameters":
           {"type": "object", "properties": {"a": {"type": "string", "maxLength": 5}}, "required": ["a"]}}}],
         "tool_choice": "auto", "parallel_tool_calls": false, "response_format": {"type": "json_schema", "json_schema":
           {"name": "n", "strict": true, "schema": {"type": "array", "items": {"enum": [1, "x"]}, "minItems": 1}}}})"},
    {"/v1/completions", R"({"model": "demo", "prompt": "x", "max_tokens": 2, "guided_choice": ["a", "b"]})"},
    {"/v1/completions",
     R"({"model": "demo", "prompt": "x", "max_tokens": 2, "guided_regex": "[a-z]{2,5}|\\d"})"},
    {"/v1/completions",
     R"({"model": "demo", "prompt": "Once upon", "max_tokens": 2, "echo": true, "logprobs": 2, "n": 2, "best_of": 3,
         "temperature": 1, "seed": 3, "suffix": "", "stop": "q", "logit_bias": {"7": -100}, "return_token_ids": true})"},
    {"/v1/completions",
     R"({"model": "demo", "prompt": [[1, 2, 3], [4, 5]], "max_tokens": 1, "stream": true, "echo": true, "logprobs": 0})"},
    {"/v1/embeddings",
     R"({"model": "demo", "input": ["one", "two"], "encoding_format": "base64", "dimensions": 2, "user": "u"})"},
    {"/v1/messages",
     R"({"model": "demo", "max_tokens": 3, "system": [{"type": "text", "text": "Be brief."}], "messages": [
         {"role": "user", "content": "Hi 🗽"}, {"role": "assistant", "content": [{"type": "text", "text": "x"},
           {"type": "tool_use", "id": "t", "name": "f", "input": {"a": "b", "c": [1, null, {}]}}]},
         {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "7"}]}]}],
         "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}}}],
         "tool_choice": {"type": "auto", "disable_parallel_tool_use": true}, "stop_sequences": ["x", "yz"],
         "temperature": 0.5, "top_p": 0.9, "top_k": 5, "metadata": {"user_id": "u"}, "thinking": {"type": "disabled"},
         "output_config": {"effort": "low"}, "service_tier": "auto"})"},
    {"/v1/messages",
     R"({"model": "demo", "max_tokens": 2, "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "x"}],
         "stream": true, "output_config": {"format": {"type": "json_schema", "schema": {"type": "integer"}}}})"},
    {"/v1/messages/count_tokens", R"({"model": "demo", "messages": [{"role": "user", "content": "Hi"}]})"},
    {"/tokenize",
     R"({"model": "demo", "prompt": "Hi 🗽", "add_special_tokens": false, "return_token_strs": true})"},
    {"/tokenize", R"({"content": "Hi", "with_pieces": true, "add_special": true, "parse_special": false})"},
    {"/detokenize", R"({"tokens": [1, 2, 300]})"},
    {"/apply-template",
     R"({"messages": [{"role": "user", "content": "Hi"}], "add_generation_prompt": true})"},
};

class Mutator {
 public:
  explicit Mutator(uint32_t seed) : random_(seed) {}

  // One value somewhere in it becomes another one, goes, or comes twice.
  void ChangeValue(json& root) {
    std::vector<json*> all;
    Collect(root, all);
    json& chosen = *all[Below(all.size())];
    switch (Below(5)) {
      case 0:
      case 1:
        chosen = AnyValue();
        return;
      case 2:
        chosen = json(*all[Below(all.size())]);
        return;
      case 3:
        if (chosen.is_array() && !chosen.empty()) {
          chosen.push_back(chosen[Below(chosen.size())]);
        } else if (chosen.is_object()) {
          chosen[Below(2) == 0 ? "zeal" : "model"] = AnyValue();
        }
        return;
      default:
        if (chosen.is_object() && !chosen.empty()) {
          chosen.erase(std::next(chosen.begin(), static_cast<std::ptrdiff_t>(Below(chosen.size()))));
        } else if (chosen.is_array() && !chosen.empty()) {
          chosen.erase(Below(chosen.size()));
        }
    }
  }

  // Bytes go, come and change, and parts are repeated.
  void ChangeBytes(std::string& text) {
    const size_t at = Below(text.size() + 1);
    switch (Below(5)) {
      case 0:
        text.insert(at, 1, static_cast<char>(Below(256)));
        return;
      case 1:
        if (at < text.size()) text[at] = static_cast<char>(Below(256));
        return;
      case 2:
        text.erase(at, Below(20));
        return;
      case 3:
        text.insert(at, text.substr(Below(text.size() + 1), Below(40)));
        return;
      default:
        static constexpr const char* kPieces[] = {"[",
                                                  "]",
                                                  "{",
                                                  "}",
                                                  ",",
                                                  ":",
                                                  "null",
                                                  "1e999",
                                                  "-0",
                                                  "\\ud800",
                                                  "\"",
                                                  "\\u0000",
                                                  "\xff",
                                                  "\xc3\x28",
                                                  "9e18",
                                                  "0.1e-400",
                                                  "18446744073709551616"};
        text.insert(at, kPieces[Below(std::size(kPieces))]);
    }
  }

  size_t Below(size_t end) { return end == 0 ? 0 : random_() % end; }

 private:
  void Collect(json& value, std::vector<json*>& all) {
    all.push_back(&value);
    if (value.is_structured())
      for (json& child : value) Collect(child, all);
  }

  json AnyValue() {
    static const json kValues = json::parse(
        R"([null, true, false, 0, -1, 1, 2, 16, 1.5, -0.0, 1e-300, 1e300, 128, 129, 2047, 2048, 4294967296,
            9223372036854775807, -9223372036854775808, 18446744073709551615, "", "x", "demo", "auto", "none", "text",
            "user", "\u0000", "🗽", "<|eot_id|>", [], [null], [[]], [0], ["x"], [[0]], [-1], {}, {"": null},
            {"type": "text"}, {"type": "text", "text": "x"}, {"role": "user", "content": "x"}, [{"role": "user"}]])");
    return kValues[Below(kValues.size())];
  }

  std::mt19937 random_;
};

// What a body came to; streams are read to their end. "" if all is well.
std::string Complaint(const HttpResponse& response) {
  if (response.stream) {
    RecordingWriter writer;
    response.stream(writer);
    const auto events = writer.Events();
    const bool ended =
        !events.empty() && (events.back().data == "[DONE]" || events.back().event == "message_stop");
    if (!ended) return "a stream without an end: " + writer.text();
    return "";
  }
  const json body = json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  if (body.is_discarded()) return "no JSON: " + response.body;
  if (response.status == 200) return "";
  if (response.status != 400 && response.status != 404) return "status " + std::to_string(response.status);
  if (!body.contains("error")) return "no error: " + response.body;
  const json& error = body.at("error");
  // Anthropic's has no more.
  if (body.contains("request_id")) return error.at("message").is_string() ? "" : "types: " + response.body;
  for (const char* member : {"message", "type", "param", "code"})
    if (!error.contains(member)) return std::string("no ") + member + ": " + response.body;
  const bool well_typed = error.at("message").is_string() && error.at("type").is_string() &&
                          (error.at("param").is_null() || error.at("param").is_string()) &&
                          (error.at("code").is_null() || error.at("code").is_string());
  return well_typed ? "" : "types: " + response.body;
}

class ApiMutationTest : public testing::Test {
 protected:
  ApiMutationTest() { api_.model().SayForEver(api_.tokenizer().Encode("x").at(0)); }

  void Expect(const Good& good, const std::string& body) {
    ++sent_;
    const HttpResponse response = api_.Post(good.path, body);
    answered_ += response.status == 200;
    const std::string complaint = Complaint(response);
    EXPECT_EQ(complaint, "") << good.path << " " << body;
  }

  ApiBench api_{/*max_context=*/256};
  int sent_ = 0;
  int answered_ = 0;
};

TEST_F(ApiMutationTest, TheBodiesItBeginsWithAreGood) {
  for (const Good& good : kGood) {
    const HttpResponse response = api_.Post(good.path, std::string(good.body));
    EXPECT_EQ(response.status, 200) << good.path << " " << response.body;
  }
}

TEST_F(ApiMutationTest, ChangedValuesAreAnsweredOrRefused) {
  Mutator mutator(1);
  for (int round = 0; round < 250; ++round) {
    for (const Good& good : kGood) {
      json body = json::parse(good.body);
      for (size_t changes = 1 + mutator.Below(3); changes > 0; --changes) mutator.ChangeValue(body);
      Expect(good, body.dump(-1, ' ', false, json::error_handler_t::replace));
    }
  }
  EXPECT_GT(answered_, sent_ / 20) << "some changes leave a good body";
  EXPECT_LT(answered_, sent_) << "and some do not";
}

TEST_F(ApiMutationTest, ChangedBytesAreAnsweredOrRefused) {
  Mutator mutator(2);
  for (int round = 0; round < 250; ++round) {
    for (const Good& good : kGood) {
      std::string body = good.body;
      for (size_t changes = 1 + mutator.Below(4); changes > 0; --changes) mutator.ChangeBytes(body);
      Expect(good, body);
    }
  }
  EXPECT_LT(answered_, sent_);
}

TEST_F(ApiMutationTest, AnswersGoOnAsBefore) {
  const Good& good = kGood[6];
  Mutator mutator(3);
  const std::string before = api_.Post(good.path, std::string(good.body)).body;
  for (int round = 0; round < 100; ++round) {
    std::string body = good.body;
    mutator.ChangeBytes(body);
    Expect(good, body);
  }
  EXPECT_EQ(api_.Post(good.path, std::string(good.body)).body, before);
}

}  // namespace
}  // namespace puna
