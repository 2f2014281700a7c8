#include "tokenizer/sentencepiece_bpe.h"

#include <algorithm>
#include <string>

#include "engine/base/check.h"
#include "tokenizer/unicode.h"

namespace puna {
namespace {

using Kind = SentencePiece::Kind;

constexpr auto kLater = [](const auto& a, const auto& b) {
  return a.order != b.order ? a.order > b.order : a.left > b.left;
};

bool ComesFromText(const SentencePiece& piece) {
  return piece.kind == Kind::kNormal || piece.kind == Kind::kUserDefined;
}

Vocabulary TextsOf(const SentencePieceFile& file) {
  std::string bytes;
  std::vector<uint32_t> ends;
  for (const SentencePiece& piece : file.pieces) {
    if (!ComesFromText(piece)) continue;
    bytes += piece.text;
    ends.push_back(static_cast<uint32_t>(bytes.size()));
  }
  return Vocabulary(std::move(bytes), std::move(ends));
}

// Whether a space follows something that is none.
bool JoinsWords(std::string_view text) {
  size_t front = 0;
  while (text.substr(front).starts_with(kPieceSpace)) front += kPieceSpace.size();
  return text.find(kPieceSpace, front) != std::string_view::npos;
}

// Bytes of the first word of `text`: spaces, then what is none.
size_t WordLength(std::string_view text) {
  size_t end = 0;
  while (text.substr(end).starts_with(kPieceSpace)) end += kPieceSpace.size();
  return std::min(text.find(kPieceSpace, end), text.size());
}

}  // namespace

SentencePieceVocabulary::SentencePieceVocabulary(const SentencePieceFile& file)
    : texts_(TextsOf(file)), bytes_(file.bytes) {
  std::vector<float> scores;
  for (const SentencePiece& piece : file.pieces) scores.push_back(piece.score);
  std::sort(scores.rbegin(), scores.rend());
  for (size_t id = 0; id < file.pieces.size(); ++id) {
    const SentencePiece& piece = file.pieces[id];
    if (!ComesFromText(piece)) continue;
    const auto first = std::lower_bound(scores.begin(), scores.end(), piece.score, std::greater<>());
    matches_.push_back({static_cast<TokenId>(id), static_cast<uint32_t>(first - scores.begin())});
    user_defined_.push_back(piece.kind == Kind::kUserDefined ? 1 : 0);
    if (piece.kind == Kind::kUserDefined)
      longest_user_defined_ = std::max(longest_user_defined_, piece.text.size());
    words_are_separate_ = words_are_separate_ && !JoinsWords(piece.text);
  }
}

SentencePieceVocabulary::Match SentencePieceVocabulary::Find(std::string_view text) const {
  const TokenId found = texts_.Find(text);
  return found < 0 ? Match{} : matches_[static_cast<size_t>(found)];
}

size_t SentencePieceVocabulary::UserDefinedPrefix(std::string_view text) const {
  for (size_t size = std::min(longest_user_defined_, text.size()); size > 0; --size) {
    const TokenId found = texts_.Find(text.substr(0, size));
    if (found >= 0 && user_defined_[static_cast<size_t>(found)] != 0) return size;
  }
  return 0;
}

void SentencePieceMerger::Encode(std::string_view text, std::vector<TokenId>& out) {
  if (!vocabulary_.words_are_separate()) return EncodeWord(text, out);
  while (!text.empty()) {
    const size_t length = WordLength(text);
    EncodeWord(text.substr(0, length), out);
    text.remove_prefix(length);
  }
}

void SentencePieceMerger::EncodeWord(std::string_view word, std::vector<TokenId>& out) {
  Split(word);
  const auto size = static_cast<uint32_t>(parts_.size());
  heap_.clear();
  for (uint32_t i = 0; i < size; ++i) Consider(word, i);
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), kLater);
    const Candidate best = heap_.back();
    heap_.pop_back();
    Part& left = parts_[best.left];
    if (left.end == left.begin || left.next == size) continue;
    Part& right = parts_[left.next];
    if (right.end != best.end) continue;  // one of the two has grown since
    left.end = right.end;
    left.next = right.next;
    right.end = right.begin;
    if (left.next < size) parts_[left.next].previous = best.left;
    Consider(word, best.left);
    if (left.previous < size) Consider(word, left.previous);
  }
  for (uint32_t i = 0; i < size; i = parts_[i].next) {
    Write(word.substr(parts_[i].begin, parts_[i].end - parts_[i].begin), out);
  }
}

void SentencePieceMerger::Split(std::string_view word) {
  CHECK(word.size() < UINT32_MAX) << word.size() << " bytes";
  parts_.clear();
  for (size_t at = 0; at < word.size();) {
    const size_t whole = vocabulary_.UserDefinedPrefix(word.substr(at));
    const size_t length = whole > 0 ? whole : CharacterAt(word, at).length;
    const auto i = static_cast<uint32_t>(parts_.size());
    parts_.push_back(
        {static_cast<uint32_t>(at), static_cast<uint32_t>(at + length), i - 1, i + 1, whole > 0});
    at += length;
  }
}

// Puts the merge of part `left` with its right neighbour into the heap, if it makes a piece.
void SentencePieceMerger::Consider(std::string_view word, uint32_t left) {
  const Part& part = parts_[left];
  if (part.next == parts_.size()) return;
  const Part& right = parts_[part.next];
  if (part.frozen || right.frozen) return;
  const SentencePieceVocabulary::Match match =
      vocabulary_.Find(word.substr(part.begin, right.end - part.begin));
  if (match.token < 0) return;
  heap_.push_back({match.order, left, right.end});
  std::push_heap(heap_.begin(), heap_.end(), kLater);
}

void SentencePieceMerger::Write(std::string_view piece, std::vector<TokenId>& out) const {
  const SentencePieceVocabulary::Match match = vocabulary_.Find(piece);
  if (match.token >= 0) return out.push_back(match.token);
  for (const char c : piece) out.push_back(vocabulary_.Byte(static_cast<uint8_t>(c)));
}

}  // namespace puna
