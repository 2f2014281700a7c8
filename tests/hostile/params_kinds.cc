#include <fmt/format.h>

#include <map>

#include "tests/hostile/kinds.h"

namespace puna::test {
namespace {

using Members = std::map<std::string, std::string>;

Members Right() {
  return {{"dim", "48"},         {"n_layers", "2"},     {"n_heads", "2"},
          {"n_kv_heads", "1"},   {"vocab_size", "512"}, {"multiple_of", "8"},
          {"norm_eps", "1e-05"}, {"rope_theta", "5e5"}, {"ffn_dim_multiplier", "1.1"}};
}

std::string Json(const Members& members) {
  std::string json;
  for (const auto& [key, value] : members)
    json += fmt::format("{}\"{}\": {}", json.empty() ? "{" : ", ", key, value);
  return json + "}";
}

Kind Params(std::string name, std::string json, std::string words) {
  return Content(std::move(name), "params.json", std::move(json), std::move(words));
}

Kind With(const std::string& key, const std::string& value, std::string words = "") {
  Members members = Right();
  members[key] = value;
  return Params(fmt::format("{}: {}", key, value.substr(0, 30)), Json(members),
                words.empty() ? fmt::format("params.json: '{}': expected", key) : std::move(words));
}

void AddTexts(std::vector<Kind>& kinds) {
  const std::string right = Json(Right());
  kinds.push_back(Params("an array", "[1, 2]", "expected an object"));
  kinds.push_back(Params("null", "null", "expected an object"));
  kinds.push_back(Params("a number", "1e999999", "params.json: "));
  kinds.push_back(Params("a text", "\"dim\"", "expected an object"));
  kinds.push_back(Params("blanks", "   \n", "is not valid JSON"));
  kinds.push_back(Params("a brace", "{", "is not valid JSON"));
  kinds.push_back(Params("half of it", right.substr(0, right.size() / 2), "is not valid JSON"));
  kinds.push_back(Params("more after it", right + "}", "is not valid JSON"));
  kinds.push_back(
      Params("a comma at the end", right.substr(0, right.size() - 1) + ",}", "is not valid JSON"));
  kinds.push_back(Params("single quotes", "{'dim': 48}", "is not valid JSON"));
  kinds.push_back(Params("a zero byte", right.substr(0, 5) + std::string(1, '\0') + right.substr(5),
                         "is not valid JSON"));
  kinds.push_back(Params("no UTF-8", "{\"\xff\xfe\": 1}", "is not valid JSON"));
  kinds.push_back(Params("UTF-16", std::string("\xff\xfe{\0}\0", 6), "is not valid JSON"));
  kinds.push_back(Params("too deep", "{\"a\":" + std::string(500'000, '['), "levels of nesting"));
  kinds.push_back(Params("too long", "{" + std::string(2 << 20, ' ') + "}", "at most 1048576 are read"));
  kinds.push_back(Params("a key twice", "{\"dim\": 48, " + right.substr(1), "key 'dim' occurs twice"));
  kinds.push_back(
      Params("Hugging Face's keys", R"({"hidden_size": 48, "num_hidden_layers": 2})", "Hugging Face's keys"));
  kinds.push_back(Params("line feeds in a key", "{\"a\\nb\": 1}", "'dim' is missing"));
}

}  // namespace

std::vector<Kind> ParamsKinds() {
  std::vector<Kind> kinds;
  AddTexts(kinds);
  for (const std::string key : {"dim", "n_layers", "n_heads"}) {
    Members members = Right();
    members.erase(key);
    kinds.push_back(Params("no " + key, Json(members), fmt::format("'{}' is missing", key)));
  }
  for (const std::string key : {"dim", "n_layers", "n_heads", "n_kv_heads", "multiple_of"}) {
    for (const std::string value : {"0", "-1", "1.5", "\"2\"", "true", "[2]", "{}", "18446744073709551615"})
      kinds.push_back(With(key, value));
  }
  for (const std::string value : {"-2", "0.5", "\"512\"", "99999999999"})
    kinds.push_back(With("vocab_size", value));
  for (const std::string key : {"norm_eps", "rope_theta", "ffn_dim_multiplier"}) {
    for (const std::string value : {"0", "-1", "1e300", "\"1\"", "[1]", "false"})
      kinds.push_back(With(key, value));
  }
  kinds.push_back(With("dim", "64", "tensor 'tok_embeddings.weight'"));
  kinds.push_back(With("dim", "131072", "tensor 'tok_embeddings.weight'"));
  kinds.push_back(With("n_layers", "3", "tensor 'layers.2.attention_norm.weight' is missing"));
  kinds.push_back(With("n_layers", "4096", "is missing"));
  kinds.push_back(With("n_heads", "5", "'n_heads' 5 does not divide 'dim' 48"));
  kinds.push_back(With("n_heads", "16", "expected an even number"));
  kinds.push_back(With("n_heads", "4", "tensor 'layers.0.attention.wk.weight'"));
  kinds.push_back(With("n_kv_heads", "2", "tensor 'layers.0.attention.wk.weight'"));
  kinds.push_back(With("n_kv_heads", "3", "'n_kv_heads' 3 does not divide 'n_heads' 2"));
  kinds.push_back(With("vocab_size", "511", "tensor 'tok_embeddings.weight'"));
  kinds.push_back(With("multiple_of", "64", "tensor 'layers.0.feed_forward.w1.weight'"));
  kinds.push_back(With("ffn_dim_multiplier", "1000", "params.json"));
  kinds.push_back(With("use_scaled_rope", "1"));
  kinds.push_back(With("use_scaled_rope", "\"yes\""));
  kinds.push_back(With("rope_scaling_factor", "0"));
  kinds.push_back(With("rope_scaling_factor", "\"8\""));
  kinds.push_back(With("vision_chunk_size", "448", "image input"));
  kinds.push_back(With("quantization_args", "{\"scheme\": \"int4\"}", "'quantization_args'"));
  kinds.push_back(With("lora_args", "{\"rank\": 16}", "'lora_args'"));
  kinds.push_back(With("moe_args", "{\"num_experts\": 16}", "'moe_args'"));
  return kinds;
}

}  // namespace puna::test
