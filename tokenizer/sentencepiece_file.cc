#include "tokenizer/sentencepiece_file.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <unordered_set>
#include <utility>

#include "engine/base/error.h"
#include "tokenizer/protobuf_reader.h"

namespace puna {
namespace {

using Kind = SentencePiece::Kind;
using Field = ProtobufReader::Field;
using Type = ProtobufReader::Field::Type;

constexpr size_t kLongestPiece = 1024;  // bytes; Meta's longest has 48
constexpr size_t kMostPieces = size_t{1} << 20;
constexpr uint64_t kBpe = 2;  // TrainerSpec.model_type

std::string_view Name(Type type) {
  switch (type) {
    case Type::kVarint:
      return "a number";
    case Type::kText:
      return "a text";
    case Type::kFixed32:
    case Type::kFixed64:
      break;
  }
  return "a fixed number";
}

// The byte that "<0x41>" stands for.
std::optional<int> ByteOf(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data() + 3, text.data() + 5, value, 16);
  if (error != std::errc() || end != text.data() + 5 || value < 0) return std::nullopt;
  return value;
}

class Parser {
 public:
  explicit Parser(std::string_view bytes) : bytes_(bytes) { file_.bytes.fill(-1); }

  SentencePieceFile Parse() {
    ProtobufReader message(bytes_);
    while (const auto field = message.Next()) {
      switch (field->number) {
        case 1:
          AddPiece(*field);
          break;
        case 2:
          ReadTrainer(*field);
          break;
        case 3:
          ReadNormalizer(*field, "normalizer_spec");
          break;
        case 5:
          ReadNormalizer(*field, "denormalizer_spec");
          break;
        default:
          break;  // a self test, or what later versions add
      }
    }
    CheckWhole();
    return std::move(file_);
  }

 private:
  static void Expect(const Field& field, Type type, std::string_view name) {
    if (field.type == type) return;
    throw Error(fmt::format("offset {}: '{}': expected {}, found {}", field.offset, name, Name(type),
                            Name(field.type)));
  }

  static ProtobufReader Inside(const Field& field, std::string_view name) {
    Expect(field, Type::kText, name);
    return ProtobufReader(field.text, field.offset);
  }

  static bool Flag(const Field& field, std::string_view name) {
    Expect(field, Type::kVarint, name);
    return field.value != 0;
  }

  [[noreturn]] void FailPiece(std::string_view what) const {
    throw Error(fmt::format("piece {}: {}", file_.pieces.size(), what));
  }

  void AddPiece(const Field& outer) {
    if (file_.pieces.size() == kMostPieces) FailPiece(fmt::format("more than {} pieces", kMostPieces));
    SentencePiece piece;
    ProtobufReader message = Inside(outer, "pieces");
    while (const auto field = message.Next()) {
      if (field->number == 1) {
        Expect(*field, Type::kText, "piece");
        if (field->text.size() > kLongestPiece) {
          FailPiece(fmt::format("expected at most {} bytes, found {}", kLongestPiece, field->text.size()));
        }
        piece.text = field->text;
      } else if (field->number == 2) {
        Expect(*field, Type::kFixed32, "score");
        piece.score = field->AsFloat();
      } else if (field->number == 3) {
        Expect(*field, Type::kVarint, "type");
        piece.kind = KindOf(field->value);
      }
    }
    Check(piece);
    file_.pieces.push_back(std::move(piece));
  }

  Kind KindOf(uint64_t type) const {
    if ((type >= 1 && type <= 4) || type == 6) return static_cast<Kind>(type);
    FailPiece(fmt::format("expected a type from 1 to 4 or 6, found {}", type));
  }

  void Check(const SentencePiece& piece) {
    const auto id = static_cast<TokenId>(file_.pieces.size());
    if (piece.text.empty()) FailPiece("is empty");
    if (!std::isfinite(piece.score)) FailPiece("its score is not a finite number");
    if (!texts_.insert(piece.text).second) FailPiece(fmt::format("'{}' again", Printable(piece.text, 60)));
    if (piece.kind == Kind::kControl && piece.text == "<s>") file_.bos = id;
    if (piece.kind == Kind::kControl && piece.text == "</s>") file_.eos = id;
    if (piece.kind != Kind::kByte) return;
    const std::optional<int> byte = ByteOf(piece.text);
    if (!byte) FailPiece(fmt::format("expected a byte as <0x41>, found '{}'", Printable(piece.text, 60)));
    TokenId& of_byte = file_.bytes[static_cast<size_t>(*byte)];
    if (of_byte >= 0) FailPiece(fmt::format("byte {} again", piece.text));
    of_byte = id;
  }

  void ReadTrainer(const Field& outer) {
    ProtobufReader message = Inside(outer, "trainer_spec");
    while (const auto field = message.Next()) {
      if (field->number == 3) {
        Expect(*field, Type::kVarint, "model_type");
        model_type_ = field->value;
      } else if (field->number == 24 && Flag(*field, "treat_whitespace_as_suffix")) {
        throw Error("'treat_whitespace_as_suffix': expected false as in Llama's models, found true");
      } else if (field->number == 35) {
        byte_fallback_ = Flag(*field, "byte_fallback");
      }
    }
  }

  void ReadNormalizer(const Field& outer, std::string_view name) {
    const bool decoding = outer.number == 5;
    bool removes_spaces = true;
    ProtobufReader message = Inside(outer, name);
    while (const auto field = message.Next()) {
      if (field->number == 2) {
        Expect(*field, Type::kText, "precompiled_charsmap");
        if (!field->text.empty()) {
          throw Error(
              fmt::format("'{}': changes characters; expected the identity, as in Llama's models", name));
        }
      } else if (field->number == 3 && !decoding) {
        file_.space_in_front = Flag(*field, "add_dummy_prefix");
      } else if (field->number == 4) {
        removes_spaces = Flag(*field, "remove_extra_whitespaces");
      } else if (field->number == 5 && !Flag(*field, "escape_whitespaces") && !decoding) {
        throw Error("'escape_whitespaces': expected true as in Llama's models, found false");
      }
    }
    if (!decoding) removes_spaces_ = removes_spaces;
  }

  void CheckWhole() const {
    if (file_.pieces.empty()) throw Error("holds no pieces");
    if (model_type_ != kBpe) {
      throw Error(fmt::format("'model_type': expected {} (BPE), found {}", kBpe, model_type_));
    }
    if (!byte_fallback_) throw Error("'byte_fallback': expected true as in Llama's models, found false");
    if (removes_spaces_) {
      throw Error("'remove_extra_whitespaces': expected false as in Llama's models, found true");
    }
    if (file_.bos < 0) throw Error("expected a control piece '<s>', found none");
    if (file_.eos < 0) throw Error("expected a control piece '</s>', found none");
    for (size_t byte = 0; byte < file_.bytes.size(); ++byte) {
      if (file_.bytes[byte] < 0)
        throw Error(fmt::format("expected a piece for byte 0x{:02X}, found none", byte));
    }
  }

  const std::string_view bytes_;
  SentencePieceFile file_;
  std::unordered_set<std::string> texts_;
  // What a model without these fields means.
  uint64_t model_type_ = 1;
  bool byte_fallback_ = false;
  bool removes_spaces_ = true;
};

}  // namespace

SentencePieceFile ParseSentencePiece(std::string_view bytes, std::string_view where) {
  try {
    return Parser(bytes).Parse();
  } catch (const Error& error) {
    throw Error(fmt::format("{}: as a sentencepiece model: {}", where, error.what()));
  }
}

}  // namespace puna
