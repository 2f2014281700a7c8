// MatMul's register tiles: how a few weight rows meet a few rows of x ("tokens"). Included once per
// instruction set.
#if defined(PUNA_ENGINE_OPS_MATMUL_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PUNA_ENGINE_OPS_MATMUL_TILE_INL_H_
#undef PUNA_ENGINE_OPS_MATMUL_TILE_INL_H_
#else
#define PUNA_ENGINE_OPS_MATMUL_TILE_INL_H_
#endif

#include <cstddef>

#include "engine/ops/vector_math-inl.h"
#include "engine/tensor/matrix_view.h"
#include "hwy/cache_control.h"

// The 16 lanes of a sum are independent until they are added up, so a tile computes them kN at a time (a
// "part"): all registers go to outputs.
HWY_BEFORE_NAMESPACE();
namespace puna::HWY_NAMESPACE {

using reference::kDotBlock;
using reference::kDotGroup;

// Register tiles, as measured: of the 16 registers of AVX2, 12 sums of a panel tile leave room for its tokens
// and a weight; a streamed tile needs more, to widen. The other targets have 32.
inline constexpr bool kFewRegisters = HWY_TARGET == HWY_AVX2;
inline constexpr size_t kPanelRows = kFewRegisters ? 6 : 4;
inline constexpr size_t kPanelTokens = kFewRegisters ? 2 : 6;
inline constexpr size_t kStreamRows = kFewRegisters ? 2 : 4;
inline constexpr size_t kStreamTokens = 4;
// Weight rows that are streamed side by side: long streams, which prefetchers follow.
inline constexpr size_t kStreams = 4;
inline constexpr size_t kFewRows = 12;  // up to here weights are streamed
inline constexpr size_t kGroupPart =
    kDotGroup / kParts;  // elements of a group in one part: kN even and kN odd ones

constexpr size_t RoundUp(size_t n, size_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// Where the packed activations lie. Blocks of kDotBlock columns (the last one filled up with zeros to a whole
// group); in a block tiles of tile_tokens tokens (the last one may have fewer); in a tile [part][group][even,
// odd][token][kN].
struct PackedLayout {
  PackedLayout(size_t rows_in, size_t cols_in)
      : rows(rows_in), cols(cols_in), streamed(rows <= kFewRows && cols % kDotGroup == 0) {
    const size_t widest = streamed ? kStreamTokens : kPanelTokens;
    const size_t tiles = (rows + widest - 1) / widest;
    tile_tokens = (rows + tiles - 1) / tiles;
  }
  size_t BlockColumns(size_t begin) const { return HWY_MIN(cols - begin, kDotBlock); }
  // The tile that begins at `token` (a multiple of tile_tokens) of the block that begins at column `begin`.
  size_t Tile(size_t begin, size_t token) const {
    return rows * begin + token * RoundUp(BlockColumns(begin), kDotGroup);
  }

  size_t rows;
  size_t cols;
  bool streamed;
  size_t tile_tokens;
};

// Even and odd elements of kGroupPart stored ones.
struct Halves {
  V even;
  V odd;
};

HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> Words(const bf16* p) {
  const hn::RebindToUnsigned<D> du;
  const hn::Repartition<uint16_t, D> d16;
  return hn::BitCast(du, hn::LoadU(d16, reinterpret_cast<const uint16_t*>(p)));
}
// A 32-bit word holds an even bf16 below and an odd one above.
HWY_INLINE V EvenOf(D d, const bf16* p) { return hn::BitCast(d, hn::ShiftLeft<16>(Words(p))); }
HWY_INLINE V OddOf(D d, const bf16* p) {
  return hn::BitCast(d, hn::And(Words(p), hn::Set(hn::RebindToUnsigned<D>(), 0xFFFF0000u)));
}

HWY_INLINE Halves Split(D d, const bf16* p) { return {EvenOf(d, p), OddOf(d, p)}; }
template <class T>
HWY_INLINE Halves Split(D d, const T* p) {
  const V low = LoadWide(d, p);
  const V high = LoadWide(d, p + kN);
  return {hn::ConcatEven(d, high, low), hn::ConcatOdd(d, high, low)};
}
// Sorted before they are widened where that takes fewer steps: where kN of them fill one block of a vector.
HWY_INLINE Halves Split(D d, const f16* p) {
  const hn::Rebind<hwy::float16_t, D> d16;
  if constexpr (kN == 8) {
    const hn::Rebind<uint16_t, D> du16;
    const hn::Repartition<uint8_t, decltype(du16)> d8;
    const hn::Repartition<uint64_t, decltype(du16)> d64;
    alignas(16) constexpr uint8_t kEvenThenOdd[16] = {0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15};
    const auto order = hn::Load(d8, kEvenThenOdd);
    const auto sorted = [&](const f16* from) HWY_ATTR {
      const auto bytes = hn::BitCast(d8, hn::LoadU(du16, reinterpret_cast<const uint16_t*>(from)));
      return hn::BitCast(d64, hn::TableLookupBytes(bytes, order));
    };
    const auto low = sorted(p);
    const auto high = sorted(p + kN);
    return {hn::PromoteTo(d, hn::BitCast(d16, hn::InterleaveLower(d64, low, high))),
            hn::PromoteTo(d, hn::BitCast(d16, hn::InterleaveUpper(d64, low, high)))};
  } else {
    const V low = LoadWide(d, p);
    const V high = LoadWide(d, p + kN);
    return {hn::ConcatEven(d, high, low), hn::ConcatOdd(d, high, low)};
  }
}

// kTileRows weight rows as they lie in memory. The first who reads them asks for what comes next, a line at a
// time: more at once would keep other loads waiting.
template <class T, size_t kTileRows, bool kFirstReader>
struct StreamedRows {
  static constexpr size_t kRows = kTileRows;
  HWY_INLINE void Prefetch(size_t group) const {
    constexpr size_t kAhead = 1024;  // bytes, across the row's end into the next
    constexpr size_t kLine = 64;
    if constexpr (kFirstReader) {
      for (const T* row : rows) {
        const auto* next = reinterpret_cast<const std::byte*>(row + group * kDotGroup) + kAhead;
        for (size_t line = 0; line < kDotGroup * sizeof(T); line += kLine) hwy::Prefetch(next + line);
      }
    }
  }
  HWY_INLINE Halves LoadBoth(D d, size_t part, size_t group, size_t r) const {
    return Split(d, rows[r] + group * kDotGroup + part * kGroupPart);
  }
  template <size_t kOdd>
  HWY_INLINE V Load(D d, size_t part, size_t group, size_t r) const {
    const Halves halves = LoadBoth(d, part, group, r);
    return kOdd ? halves.odd : halves.even;
  }
  const T* rows[kRows];
};

// Weight rows widened: [part][group][even, odd][row][kN].
struct WidenedPanel {
  static constexpr size_t kRows = kPanelRows;
  HWY_INLINE void Prefetch(size_t) const {}
  template <size_t kOdd>
  HWY_INLINE V Load(D d, size_t part, size_t group, size_t r) const {
    return hn::Load(d, data + (((part * groups + group) * 2 + kOdd) * kRows + r) * kN);
  }
  const float* data;
  size_t groups;
};

template <size_t kOdd, size_t kTokens, class Weights>
HWY_INLINE void MultiplyAdd(D d, const Weights& weights, size_t part, size_t group,
                            const float* HWY_RESTRICT x, V (&sums)[kTokens][Weights::kRows]) {
  V activation[kTokens];
  for (size_t t = 0; t < kTokens; ++t) {
    activation[t] = hn::Load(d, x + t * kN);
    KeepInRegister(activation[t]);
  }
  for (size_t r = 0; r < Weights::kRows; ++r) {
    V weight = weights.template Load<kOdd>(d, part, group, r);
    KeepInRegister(weight);
    for (size_t t = 0; t < kTokens; ++t) sums[t][r] = hn::MulAdd(activation[t], weight, sums[t][r]);
  }
}

// {sum a, sum b, sum c, sum d}: the last two steps of SumLanes, four sums at a time.
HWY_INLINE hn::Vec<D4> SumFours(hn::Vec<D4> a, hn::Vec<D4> b, hn::Vec<D4> c, hn::Vec<D4> e) {
  const D4 d4;
  const auto ab = hn::Add(hn::ConcatLowerLower(d4, b, a), hn::ConcatUpperUpper(d4, b, a));
  const auto ce = hn::Add(hn::ConcatLowerLower(d4, e, c), hn::ConcatUpperUpper(d4, e, c));
  return hn::Add(hn::ConcatEven(d4, ce, ab), hn::ConcatOdd(d4, ce, ab));
}

// The `sums` become totals of a first block, and are added to them otherwise.
template <class DF>
HWY_INLINE void AddTotals(DF d, hn::Vec<DF> sums, bool first_block, float* HWY_RESTRICT totals) {
  hn::StoreU(first_block ? sums : hn::Add(hn::LoadU(d, totals), sums), d, totals);
}

// totals[i] becomes the block's sum i, or has it added if it is not the first block. folded(i): its lanes,
// folded to four.
template <size_t kSums, class Folded>
HWY_INLINE void AddBlock(Folded folded, bool first_block, float* HWY_RESTRICT totals) {
  const D4 d4;
  static_assert(kSums % 2 == 0);
  for (size_t i = 0; i + 4 <= kSums; i += 4)
    AddTotals(d4, SumFours(folded(i), folded(i + 1), folded(i + 2), folded(i + 3)), first_block, totals + i);
  if constexpr (kSums % 4 != 0) {
    constexpr size_t kLast = kSums - 2;
    const auto a = folded(kLast);
    const auto b = folded(kLast + 1);
    const hn::Half<D4> d2;
    AddTotals(d2, hn::LowerHalf(d2, SumFours(a, b, a, b)), first_block, totals + kLast);
  }
}

// The lanes of one block of columns of a register tile, [kTokens][Weights::kRows][kParts][kN]. x: a packed
// tile. between() is called where something else fits in: its inputs do not wait for the tile's.
template <size_t kTokens, class Weights, class Between>
HWY_INLINE void BlockLanes(const Weights& weights, const float* HWY_RESTRICT x, size_t groups,
                           float* HWY_RESTRICT lanes, Between between) {
  const D d;
  constexpr size_t kRows = Weights::kRows;
  for (size_t part = 0; part < kParts; ++part) {
    if (part == kParts / 2) between();
    V sums[kTokens][kRows];
    for (auto& token : sums) {
      for (V& sum : token) sum = hn::Zero(d);
    }
    const float* x_part = x + part * groups * 2 * kTokens * kN;
    for (size_t group = 0; group < groups; ++group) {
      if (part == 0) weights.Prefetch(group);
      MultiplyAdd<0>(d, weights, part, group, x_part, sums);
      MultiplyAdd<1>(d, weights, part, group, x_part + kTokens * kN, sums);
      x_part += 2 * kTokens * kN;
    }
    for (size_t t = 0; t < kTokens; ++t) {
      for (size_t r = 0; r < kRows; ++r)
        hn::Store(sums[t][r], d, lanes + ((t * kRows + r) * kParts + part) * kN);
    }
  }
}

// The sums of lanes that BlockLanes left, [kTokens][kRows], as AddBlock says.
template <size_t kSums>
HWY_INLINE void AddLanes(const float* HWY_RESTRICT lanes, bool first_block, float* HWY_RESTRICT totals) {
  const D d;
  const auto folded = [&](size_t i) HWY_ATTR {
    V parts[kParts];
    for (size_t part = 0; part < kParts; ++part) parts[part] = hn::Load(d, lanes + (i * kParts + part) * kN);
    return FoldTo4(parts);
  };
  AddBlock<kSums>(folded, first_block, totals);
}

// Adds the lanes up a tile later: a sum waits for the tile's last multiply-adds, and while it waits there is
// nothing else to do; in the middle of the next tile there is.
template <size_t kTokens, size_t kRows>
class LateSums {
 public:
  // One block of columns of a tile. totals: [kTokens][kRows], as AddBlock says, after the next call of Add or
  // Flush.
  template <class Weights>
  HWY_INLINE void Add(const Weights& weights, const float* HWY_RESTRICT x, size_t groups, bool first_block,
                      float* totals) {
    static_assert(Weights::kRows == kRows);
    BlockLanes<kTokens>(weights, x, groups, lanes_[next_], [this]() HWY_ATTR { Flush(); });
    next_ = 1 - next_;
    totals_ = totals;
    first_block_ = first_block;
  }
  HWY_INLINE void Flush() {
    if (totals_ != nullptr) AddLanes<kTokens * kRows>(lanes_[1 - next_], first_block_, totals_);
    totals_ = nullptr;
  }

 private:
  HWY_ALIGN float lanes_[2][kTokens * kRows * kParts * kN];
  size_t next_ = 0;
  float* totals_ = nullptr;
  bool first_block_ = false;
};

// The same for one token and all streams, with all parts at once, so that a cache line of weights is touched
// once.
template <class T>
HWY_INLINE void OneTokenSums(const StreamedRows<T, kStreams, true>& weights, const float* HWY_RESTRICT x,
                             size_t groups, bool first_block, float* HWY_RESTRICT totals) {
  const D d;
  V lanes[kStreams][kParts];
  for (auto& row : lanes) {
    for (V& part : row) part = hn::Zero(d);
  }
  for (size_t group = 0; group < groups; ++group) {
    weights.Prefetch(group);
    for (size_t part = 0; part < kParts; ++part) {
      const float* x_part = x + (part * groups + group) * 2 * kN;
      const V even = hn::Load(d, x_part);
      const V odd = hn::Load(d, x_part + kN);
      for (size_t r = 0; r < kStreams; ++r) {
        V& lane = lanes[r][part];
        const Halves weight = weights.LoadBoth(d, part, group, r);
        lane = hn::MulAdd(even, weight.even, lane);
        lane = hn::MulAdd(odd, weight.odd, lane);
      }
    }
  }
  AddBlock<kStreams>([&lanes](size_t i) HWY_ATTR { return FoldTo4(lanes[i]); }, first_block, totals);
}

// One block of columns of a tile of less than kMost tokens, at once.
template <size_t kMost, class Weights>
void SmallTile(size_t tokens, const Weights& weights, const float* x, size_t groups, bool first_block,
               float* totals) {
  if constexpr (kMost > 2) {
    if (tokens < kMost - 1) return SmallTile<kMost - 1>(tokens, weights, x, groups, first_block, totals);
  }
  constexpr size_t kTokens = kMost - 1;
  HWY_ALIGN float lanes[kTokens * Weights::kRows * kParts * kN];
  BlockLanes<kTokens>(weights, x, groups, lanes, []() HWY_ATTR {});
  AddLanes<kTokens * Weights::kRows>(lanes, first_block, totals);
}

// The same of up to kMost tokens, the most the target's registers hold with these weights; those of kMost
// late.
template <size_t kMost, class Weights>
HWY_INLINE void TileBlock(size_t tokens, const Weights& weights, const float* x, size_t groups,
                          bool first_block, float* totals, LateSums<kMost, Weights::kRows>& late) {
  if (tokens == kMost) return late.Add(weights, x, groups, first_block, totals);
  late.Flush();
  SmallTile<kMost>(tokens, weights, x, groups, first_block, totals);
}

}  // namespace puna::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PUNA_ENGINE_OPS_MATMUL_TILE_INL_H_
