#include "engine/ops/matmul.h"

#include "engine/base/check.h"
#include "engine/base/thread_pool.h"
#include "engine/ops/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/ops/matmul.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "engine/ops/vector_math-inl.h"
#include "hwy/cache_control.h"

// One definition (reference::Dot), two ways through the memory:
//  - few rows of x: weights are streamed once and widened in registers; memory bandwidth is the limit, then
//  conversion;
//  - many rows: a panel of weights is widened to f32 in L1 once for a block of tokens, whose packed
//  activations stay in L2;
//    multiply-adds are the limit.
// Both run BlockSums, a register tile of kTileRows weight rows x up to kMaxTileTokens rows of x ("tokens").
// The 16 lanes are independent until they are summed, so a tile computes them kN at a time (a "part"): all
// registers go to outputs.
HWY_BEFORE_NAMESPACE();
namespace puna::HWY_NAMESPACE {

using reference::kDotBlock;
using reference::kDotGroup;

inline constexpr size_t kTileRows = 4;
// 12 accumulators of 16 registers on AVX2, 24 of 32 on AVX-512 and NEON; fewer while weights are widened on
// the way.
inline constexpr size_t kMaxTileTokens = HWY_TARGET == HWY_AVX2 ? 3 : 6;
inline constexpr size_t kMaxStreamTileTokens = HWY_TARGET == HWY_AVX2 ? 2 : 4;
inline constexpr size_t kFewRows = 32;  // up to here weights are streamed
inline constexpr size_t kGroupPart =
    kDotGroup / kParts;  // elements of a group in one part: kN even and kN odd ones

constexpr size_t RoundUp(size_t n, size_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// Where the packed activations lie. Blocks of kDotBlock columns (the last one filled up with zeros to a whole
// group); in a block tiles of tile_tokens tokens (the last one may have fewer); in a tile [part][group][even,
// odd][token][kN].
struct PackedLayout {
  PackedLayout(size_t rows_in, size_t cols_in) : rows(rows_in), cols(cols_in) {
    const size_t widest = rows <= kFewRows ? kMaxStreamTileTokens : kMaxTileTokens;
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

// Weight rows as they lie in memory.
struct StreamedRows {
  static constexpr bool kReady = false;
  template <size_t kOdd>
  HWY_INLINE V Load(D d, size_t part, size_t group, size_t r) const {
    const bf16* p = rows[r] + group * kDotGroup + part * kGroupPart;
    return kOdd ? OddOf(d, p) : EvenOf(d, p);
  }
  HWY_INLINE void Prefetch(size_t group) const {
    for (const bf16* row : rows) hwy::Prefetch(row + group * kDotGroup + kAhead);
  }
  static constexpr size_t kAhead = 512;  // elements: 1 KiB, across the row's end into the next
  const bf16* rows[kTileRows];
};

// Weight rows widened: [part][group][even, odd][row][kN].
struct WidenedPanel {
  static constexpr bool kReady = true;
  template <size_t kOdd>
  HWY_INLINE V Load(D d, size_t part, size_t group, size_t r) const {
    return hn::Load(d, data + (((part * groups + group) * 2 + kOdd) * kTileRows + r) * kN);
  }
  const float* data;
  size_t groups;
};

// Makes the compiler keep v in a register. It would rather load activations again for every multiply-add that
// uses them, and two loads per cycle are fewer than two multiply-adds need.
HWY_INLINE void KeepInRegister(V& v) {
#if HWY_TARGET == HWY_AVX2
  asm("" : "+x"(v.raw));
#elif HWY_TARGET == HWY_AVX3
  asm("" : "+v"(v.raw));
#else
  (void)v;
#endif
}

template <size_t kOdd, size_t kTokens, class Weights>
HWY_INLINE void MultiplyAdd(D d, const Weights& weights, size_t part, size_t group,
                            const float* HWY_RESTRICT x, V (&sums)[kTokens][kTileRows]) {
  V activation[kTokens];
  for (size_t t = 0; t < kTokens; ++t) {
    activation[t] = hn::Load(d, x + t * kN);
    if constexpr (Weights::kReady) KeepInRegister(activation[t]);
  }
  for (size_t r = 0; r < kTileRows; ++r) {
    const V weight = weights.template Load<kOdd>(d, part, group, r);
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

// totals[t][r] becomes the block's sum, or has it added if it is not the first block.
template <size_t kTokens>
HWY_INLINE void AddBlock(const V (&lanes)[kTokens][kTileRows][kParts], bool first_block,
                         float* HWY_RESTRICT totals) {
  const D4 d4;
  for (size_t t = 0; t < kTokens; ++t) {
    const auto sums =
        SumFours(FoldTo4(lanes[t][0]), FoldTo4(lanes[t][1]), FoldTo4(lanes[t][2]), FoldTo4(lanes[t][3]));
    float* to = totals + t * kTileRows;
    hn::Store(first_block ? sums : hn::Add(hn::Load(d4, to), sums), d4, to);
  }
}

// One block of columns of a register tile. x: a packed tile; totals: [kTokens][kTileRows].
template <size_t kTokens, class Weights>
HWY_INLINE void BlockSums(const Weights& weights, const float* HWY_RESTRICT x, size_t groups,
                          bool first_block, float* HWY_RESTRICT totals) {
  const D d;
  V lanes[kTokens][kTileRows][kParts];
  for (size_t part = 0; part < kParts; ++part) {
    V sums[kTokens][kTileRows];
    for (auto& token : sums) {
      for (V& sum : token) sum = hn::Zero(d);
    }
    const float* x_part = x + part * groups * 2 * kTokens * kN;
    for (size_t group = 0; group < groups; ++group) {
      MultiplyAdd<0>(d, weights, part, group, x_part, sums);
      MultiplyAdd<1>(d, weights, part, group, x_part + kTokens * kN, sums);
      x_part += 2 * kTokens * kN;
    }
    for (size_t t = 0; t < kTokens; ++t) {
      for (size_t r = 0; r < kTileRows; ++r) lanes[t][r][part] = sums[t][r];
    }
  }
  AddBlock(lanes, first_block, totals);
}

// The same for one token with all parts at once, so that a cache line of streamed weights is touched once.
HWY_INLINE void StreamBlockSums(const StreamedRows& weights, const float* HWY_RESTRICT x, size_t groups,
                                bool first_block, float* HWY_RESTRICT totals) {
  const D d;
  V lanes[1][kTileRows][kParts];
  for (auto& row : lanes[0]) {
    for (V& part : row) part = hn::Zero(d);
  }
  for (size_t group = 0; group < groups; ++group) {
    weights.Prefetch(group);
    for (size_t part = 0; part < kParts; ++part) {
      const float* x_part = x + (part * groups + group) * 2 * kN;
      const V even = hn::Load(d, x_part);
      const V odd = hn::Load(d, x_part + kN);
      for (size_t r = 0; r < kTileRows; ++r) {
        V& lane = lanes[0][r][part];
        lane = hn::MulAdd(even, weights.Load<0>(d, part, group, r), lane);
        lane = hn::MulAdd(odd, weights.Load<1>(d, part, group, r), lane);
      }
    }
  }
  AddBlock(lanes, first_block, totals);
}

template <class Weights>
void TileBlock(size_t tokens, const Weights& weights, const float* x, size_t groups, bool first_block,
               float* totals) {
  switch (tokens) {
    case 1:
      return BlockSums<1>(weights, x, groups, first_block, totals);
    case 2:
      return BlockSums<2>(weights, x, groups, first_block, totals);
    case 3:
      return BlockSums<3>(weights, x, groups, first_block, totals);
    default:
      break;
  }
  if constexpr (kMaxTileTokens > 3) {
    if (tokens == 4) return BlockSums<4>(weights, x, groups, first_block, totals);
    if (tokens == 5) return BlockSums<5>(weights, x, groups, first_block, totals);
    return BlockSums<6>(weights, x, groups, first_block, totals);
  }
}

// totals: [tokens][kTileRows] of tokens that begin at first_token and weight rows that begin at row, `rows`
// of them real.
HWY_INLINE void WriteTile(const float* totals, size_t first_token, size_t tokens, size_t row, size_t rows,
                          const Projection& to) {
  for (size_t t = 0; t < tokens; ++t) {
    float* out = to.out + static_cast<ptrdiff_t>(first_token + t) * to.out_stride + row;
    for (size_t r = 0; r < rows; ++r) out[r] = totals[t * kTileRows + r];
  }
}

// Weight rows [begin, end), all rows of x.  REQUIRES: bf16, whole groups, layout.rows <= kFewRows.
// A tile takes one row from each quarter of the range: four long streams, which prefetchers follow across
// rows.
void FewRows(const float* packed, const PackedLayout& layout, const Projection& to, size_t begin,
             size_t end) {
  HWY_ALIGN float totals[kFewRows * kTileRows];
  const size_t quarter = (end - begin + kTileRows - 1) / kTileRows;
  for (size_t row = begin; row < begin + quarter; ++row) {
    StreamedRows weights;
    for (size_t column = 0; column < layout.cols; column += kDotBlock) {
      const size_t groups = layout.BlockColumns(column) / kDotGroup;
      for (size_t r = 0; r < kTileRows; ++r) {
        // Beyond the end the last row is computed again and dropped.
        const std::byte* data = to.weight.Row(static_cast<int64_t>(HWY_MIN(row + r * quarter, end - 1)));
        weights.rows[r] = reinterpret_cast<const bf16*>(data) + column;
      }
      if (layout.rows == 1) {
        StreamBlockSums(weights, packed + layout.Tile(column, 0), groups, column == 0, totals);
        continue;
      }
      for (size_t token = 0; token < layout.rows; token += layout.tile_tokens) {
        TileBlock(HWY_MIN(layout.tile_tokens, layout.rows - token), weights,
                  packed + layout.Tile(column, token), groups, column == 0, totals + token * kTileRows);
      }
    }
    for (size_t t = 0; t < layout.rows; ++t) {
      float* out = to.out + static_cast<ptrdiff_t>(t) * to.out_stride;
      for (size_t r = 0; r < kTileRows && row + r * quarter < end; ++r)
        out[row + r * quarter] = totals[t * kTileRows + r];
    }
  }
}

// One part of one group of a panel row, to its two places in the panel.
template <class T>
HWY_INLINE void WidenPart(const T* from, size_t part, size_t group, size_t groups, size_t r, float* panel) {
  const D d;
  const Halves halves = Split(d, from);
  float* to = panel + ((part * groups + group) * 2 * kTileRows + r) * kN;
  hn::Store(halves.even, d, to);
  hn::Store(halves.odd, d, to + kTileRows * kN);
}

// Columns [column, column + columns) of kTileRows weight rows; reads nothing beyond `last_row`, which stands
// in for rows after it.
template <class T>
void WidenPanel(const MatrixView& weight, size_t row, size_t last_row, size_t column, size_t columns,
                float* panel) {
  const size_t groups = (columns + kDotGroup - 1) / kDotGroup;
  const size_t whole = columns / kDotGroup;
  for (size_t r = 0; r < kTileRows; ++r) {
    const std::byte* data = weight.Row(static_cast<int64_t>(HWY_MIN(row + r, last_row)));
    const T* from = reinterpret_cast<const T*>(data) + column;
    for (size_t group = 0; group < whole; ++group) {
      for (size_t part = 0; part < kParts; ++part) {
        WidenPart(from + group * kDotGroup + part * kGroupPart, part, group, groups, r, panel);
      }
    }
    if (whole < groups) {
      T rest[kDotGroup] = {};
      std::memcpy(rest, from + whole * kDotGroup, (columns - whole * kDotGroup) * sizeof(T));
      for (size_t part = 0; part < kParts; ++part)
        WidenPart(rest + part * kGroupPart, part, whole, groups, r, panel);
    }
  }
}

// A strip of weight rows goes over all blocks of columns for one block of tokens, before either moves on.
inline constexpr size_t kStripRows = 64;
inline constexpr size_t kTokenBlock =
    96;  // a multiple of every tile width but 5; 192 KiB of activations per block

template <class T>
void ManyRows(const float* packed, const PackedLayout& layout, const Projection& to, size_t begin,
              size_t end) {
  HWY_ALIGN float panel[kTileRows * kDotBlock];
  HWY_ALIGN float totals[kStripRows * kTokenBlock];
  const size_t token_block = kTokenBlock / layout.tile_tokens * layout.tile_tokens;
  for (size_t strip = begin; strip < end; strip += kStripRows) {
    const size_t strip_end = HWY_MIN(strip + kStripRows, end);
    for (size_t first = 0; first < layout.rows; first += token_block) {
      const size_t tokens = HWY_MIN(token_block, layout.rows - first);
      for (size_t column = 0; column < layout.cols; column += kDotBlock) {
        const size_t columns = layout.BlockColumns(column);
        const size_t groups = (columns + kDotGroup - 1) / kDotGroup;
        for (size_t row = strip; row < strip_end; row += kTileRows) {
          WidenPanel<T>(to.weight, row, strip_end - 1, column, columns, panel);
          float* tile_totals = totals + (row - strip) * kTokenBlock;
          for (size_t token = 0; token < tokens; token += layout.tile_tokens) {
            TileBlock(HWY_MIN(layout.tile_tokens, tokens - token), WidenedPanel{panel, groups},
                      packed + layout.Tile(column, first + token), groups, column == 0,
                      tile_totals + token * kTileRows);
          }
        }
      }
      // Only now to the rows of the output: rows a power of two apart share few cache lines.
      for (size_t t = 0; t < tokens; ++t) {
        for (size_t row = strip; row < strip_end; row += kTileRows) {
          WriteTile(totals + (row - strip) * kTokenBlock + t * kTileRows, first + t, 1, row,
                    HWY_MIN(kTileRows, strip_end - row), to);
        }
      }
    }
  }
}

void ProductKernel(const float* packed, size_t rows, size_t cols, const Projection& to, size_t begin,
                   size_t end) {
  const PackedLayout layout(rows, cols);
  if (to.weight.dtype == DType::kBF16 && rows <= kFewRows && cols % kDotGroup == 0) {
    return FewRows(packed, layout, to, begin, end);
  }
  switch (to.weight.dtype) {
    case DType::kBF16:
      return ManyRows<bf16>(packed, layout, to, begin, end);
    case DType::kF16:
      return ManyRows<f16>(packed, layout, to, begin, end);
    case DType::kF32:
      return ManyRows<float>(packed, layout, to, begin, end);
  }
}

// Packs the tiles that belong to `thread`.
void PackKernel(const float* x, ptrdiff_t x_stride, size_t rows, size_t cols, int thread, int threads,
                float* packed) {
  const D d;
  const PackedLayout layout(rows, cols);
  const Range mine = StaticSplit(rows, thread, threads, layout.tile_tokens);
  for (size_t column = 0; column < cols; column += kDotBlock) {
    const size_t columns = layout.BlockColumns(column);
    const size_t groups = (columns + kDotGroup - 1) / kDotGroup;
    for (size_t token = mine.begin; token < mine.end; ++token) {
      const float* from = x + static_cast<ptrdiff_t>(token) * x_stride + column;
      const size_t first = token / layout.tile_tokens * layout.tile_tokens;
      const size_t width = HWY_MIN(layout.tile_tokens, rows - first);
      float* tile = packed + layout.Tile(column, first) + (token - first) * kN;
      for (size_t group = 0; group < groups; ++group) {
        HWY_ALIGN float rest[kDotGroup] = {};
        const float* source = from + group * kDotGroup;
        if (columns < (group + 1) * kDotGroup) {
          std::memcpy(rest, source, (columns - group * kDotGroup) * sizeof(float));
          source = rest;
        }
        for (size_t part = 0; part < kParts; ++part) {
          const Halves halves = Split(d, source + part * kGroupPart);
          float* out = tile + (part * groups + group) * 2 * width * kN;
          hn::Store(halves.even, d, out);
          hn::Store(halves.odd, d, out + width * kN);
        }
      }
    }
  }
}

}  // namespace puna::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace puna {
namespace {

HWY_EXPORT(PackKernel);
HWY_EXPORT(ProductKernel);

constexpr size_t kFewToPack = 4;    // rows that one thread packs faster than all of them meet
constexpr size_t kRowGranule = 16;  // outputs: threads share no cache line of a row

size_t PackedFloats(size_t rows, size_t cols) {
  return rows * ((cols + reference::kDotGroup - 1) / reference::kDotGroup * reference::kDotGroup);
}

}  // namespace

void MatMulScratch::Reserve(size_t max_rows, size_t max_cols) {
  buffer_.Grow(PackedFloats(max_rows, max_cols) * sizeof(float), "packed activations");
}

void MatMul(ThreadPool& pool, const float* x, ptrdiff_t x_stride, size_t rows, size_t cols,
            std::span<const Projection> projections, MatMulScratch& scratch) {
  CHECK(rows >= 1) << "no rows";
  CHECK(scratch.Bytes() >= PackedFloats(rows, cols) * sizeof(float))
      << rows << " x " << cols << " not reserved";
  size_t outputs = 0;
  for (const Projection& projection : projections) {
    CHECK(projection.weight.cols == static_cast<int64_t>(cols)) << projection.weight.cols << " != " << cols;
    outputs += static_cast<size_t>(projection.weight.rows);
  }
  const auto pack = HWY_DYNAMIC_DISPATCH(PackKernel);
  const auto product = HWY_DYNAMIC_DISPATCH(ProductKernel);
  if (rows <= kFewToPack) {
    pack(x, x_stride, rows, cols, 0, 1, scratch.data());
  } else {
    pool.Run(
        [&](int thread, int threads) { pack(x, x_stride, rows, cols, thread, threads, scratch.data()); });
  }
  // The projections' outputs in one line, split once.
  pool.Run([&](int thread, int threads) {
    const Range mine = StaticSplit(outputs, thread, threads, kRowGranule);
    size_t first = 0;
    for (const Projection& projection : projections) {
      const auto n = static_cast<size_t>(projection.weight.rows);
      const size_t begin = mine.begin > first ? mine.begin - first : 0;
      const size_t end = mine.end > first ? mine.end - first : 0;
      if (begin < n && begin < end) {
        product(scratch.data(), rows, cols, projection, begin, end < n ? end : n);
      }
      first += n;
    }
  });
}

}  // namespace puna
#endif  // HWY_ONCE
