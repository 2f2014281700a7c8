#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/api/token_json.h"
#include "server/generation.h"
#include "server/http_types.h"

namespace puna {

// One answer that has ended.
struct FinishedAnswer {
  std::string text;
  std::vector<AnswerToken> tokens;  // if they are wanted
  bool announced_call = false;      // it began with <|python_tag|>
  FinishReason finish = FinishReason::kLength;
  std::string stop;  // the stop string that ended it, if one did
};

// How one endpoint writes a choice. For one request and one thread: it may remember what it has written.
class ChoiceFormat {
 public:
  virtual ~ChoiceFormat() = default;
  virtual std::string_view object() const = 0;        // of a whole answer
  virtual std::string_view chunk_object() const = 0;  // of a chunk
  // Sent before the first text of a choice, or null for nothing.
  virtual OrderedJson Opening(int index) const = 0;
  // What an event says, but for its end.
  virtual std::vector<OrderedJson> Pieces(const AnswerEvent& event) = 0;
  virtual OrderedJson End(int index, std::string_view finish_reason) = 0;
  virtual OrderedJson Whole(int index, const FinishedAnswer& answer, std::string_view finish_reason) = 0;
};

// What every chunk of an answer, or the whole of it, says of itself.
struct AnswerHead {
  std::string id;
  int64_t created;  // seconds since 1970
  std::string model;
  std::string fingerprint;
  std::optional<std::vector<TokenId>>
      prompt_token_ids;  // an extension: in a whole answer, or its first chunk
};

// A head with a fresh random id ("chatcmpl-..." for the prefix "chatcmpl-") and the time of now.
AnswerHead NewAnswerHead(std::string_view id_prefix, std::string_view model, std::string_view fingerprint);

// A random id behind the prefix.
std::string RandomId(std::string_view prefix);

OrderedJson UsageJson(const Usage& usage);

// Waits for all answers; they come in order of index. If the client goes away meanwhile, nobody sees what
// this returns.
std::vector<FinishedAnswer> Collect(const HttpRequest& http, Answers& answers);

// Writes answers as one JSON object.
HttpResponse WholeAnswer(const std::vector<FinishedAnswer>& answers, const Usage& usage,
                         const AnswerHead& head, ChoiceFormat& format);

// Writes the answers as server-sent events while they arrive: one chunk per event, then `data: [DONE]`. With
// `include_usage` every chunk has a usage member: null, and on one more chunk without choices before the end
// the sums. An answer that fails after the first byte ends the stream with an event named `error`.
HttpResponse StreamedAnswer(Answers answers, AnswerHead head, std::shared_ptr<ChoiceFormat> format,
                            bool include_usage);

}  // namespace puna
