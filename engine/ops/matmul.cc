// The product kernels. Two ways through, one definition (reference::Dot):
//   one row    streams each weight row once, widening in registers; bound by memory bandwidth.
//   more rows  widens a panel of weight rows to f32 once per block of tokens and runs register tiles over it;
//              bound by multiply-add throughput.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/ops/matmul.cc"

#include "engine/ops/targets.h"

// After targets.h, which chooses the instruction sets.
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cstring>

#include "engine/ops/lanes-inl.h"
#include "engine/ops/matmul_plan.h"
#include "engine/ops/widen-inl.h"

HWY_BEFORE_NAMESPACE();
namespace puna {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Register tile: kTileRows weight rows x kTileTokens tokens, each of kVectors registers of accumulators,
// chosen so that all fit: 6 x 4 x 1 of 32 registers on AVX-512, 3 x 2 x 2 of 16 on AVX2, 3 x 2 x 4 of 32 on
// NEON.
constexpr size_t kTileRows = HWY_TARGET == HWY_AVX3 ? 6 : 3;
constexpr size_t kTileTokens = HWY_TARGET == HWY_AVX3 ? 4 : 2;
constexpr size_t kTileSums = kTileRows * kTileTokens;
constexpr size_t kTileSlots = (kTileSums + 7) / 8 * 8;  // sums of a tile lie token-major in this many floats
constexpr size_t kPanelRows = 12;                       // a panel of kDotBlock columns: 24 KiB of f32
constexpr size_t kPanelTiles = kPanelRows / kTileRows;
static_assert(kPanelRows % kTileRows == 0 && kTokenBlock % kTileTokens == 0);

// sums (+)= the tile's dot products over one block of columns. w: kTileRows rows of the panel, x: kTileTokens
// packed rows; both kDotBlock floats apart.
template <bool kFirstBlock>
HWY_INLINE void Tile(const float* HWY_RESTRICT w, const float* HWY_RESTRICT x, size_t groups,
                     float* HWY_RESTRICT sums) {
  const LaneTag d;
  hn::Vec<LaneTag> acc[kTileTokens][kTileRows][kVectors];
  for (size_t t = 0; t < kTileTokens; ++t) {
    for (size_t r = 0; r < kTileRows; ++r) {
      for (size_t v = 0; v < kVectors; ++v) acc[t][r][v] = hn::Zero(d);
    }
  }
  for (size_t g = 0; g < groups; ++g) {
    for (size_t half = 0; half < 2; ++half) {
      HWY_UNROLL(4)
      for (size_t v = 0; v < kVectors; ++v) {
        const size_t at = g * kGroup + half * kLanes + v * hn::Lanes(d);
        hn::Vec<LaneTag> xs[kTileTokens];
        for (size_t t = 0; t < kTileTokens; ++t) xs[t] = hn::Load(d, x + t * kDotBlock + at);
        for (size_t r = 0; r < kTileRows; ++r) {
          const auto weight = hn::Load(d, w + r * kDotBlock + at);
          for (size_t t = 0; t < kTileTokens; ++t) acc[t][r][v] = hn::MulAdd(weight, xs[t], acc[t][r][v]);
        }
      }
    }
  }
  const hn::FixedTag<float, 4> d4;
  hn::Vec<decltype(d4)> four[kTileSlots];
  for (size_t i = 0; i < kTileSlots; ++i) {
    four[i] = i < kTileSums ? FoldToFour(acc[i / kTileRows][i % kTileRows]) : hn::Zero(d4);
  }
  for (size_t i = 0; i < kTileSlots; i += 4) {
    const auto block = SumFours(four[i], four[i + 1], four[i + 2], four[i + 3]);
    hn::Store(kFirstBlock ? block : hn::Add(hn::Load(d4, sums + i), block), d4, sums + i);
  }
}

// Widens columns [first, first + columns) of up to kPanelRows rows into panel[row][kDotBlock], each group of
// 32 as 16 even elements, then 16 odd ones, and the last group filled up with zeros.
template <typename W>
void WidenPanel(const MatrixView& weight, size_t first_row, size_t rows, size_t first, size_t columns,
                float* HWY_RESTRICT panel) {
  const size_t whole = columns / kGroup;
  for (size_t r = 0; r < rows; ++r) {
    const W* in = reinterpret_cast<const W*>(weight.Row(static_cast<int64_t>(first_row + r))) + first;
    float* out = panel + r * kDotBlock;
    for (size_t g = 0; g < whole; ++g) StoreGroup(WidenGroup(in + g * kGroup), out + g * kGroup);
    if (whole * kGroup < columns) {
      StoreGroup(WidenPartGroup(in + whole * kGroup, columns - whole * kGroup), out + whole * kGroup);
    }
  }
}

// The rows a panel does not have repeat its last one, so that a tile always has all of its rows; their sums
// are dropped.
void RepeatLastRow(size_t rows, size_t floats, float* panel) {
  for (size_t r = rows; r < kPanelRows; ++r) {
    std::memcpy(panel + r * kDotBlock, panel + (rows - 1) * kDotBlock, floats * sizeof(float));
  }
}

// The next panel is fetched while this one computes: a few lines with every pair of tiles.
class PanelPrefetch {
 public:
  PanelPrefetch(const MatrixView& weight, size_t first_row, size_t rows, size_t first, size_t columns,
                size_t turns) {
    if (rows == 0) return;
    base_ = reinterpret_cast<const uint8_t*>(weight.Row(static_cast<int64_t>(first_row))) +
            first * SizeOf(weight.dtype);
    row_bytes_ = weight.RowBytes();
    lines_per_row_ = (columns * SizeOf(weight.dtype) + 63) / 64;
    lines_ = rows * lines_per_row_;
    per_turn_ = (lines_ + turns - 1) / turns;
  }
  HWY_INLINE void Turn() {
    const size_t end = HWY_MIN(next_ + per_turn_, lines_);
    for (; next_ < end; ++next_) {
      const uint8_t* row = base_ + next_ / lines_per_row_ * row_bytes_;
      hwy::Prefetch(row + next_ % lines_per_row_ * 64);
    }
  }

 private:
  const uint8_t* base_ = nullptr;
  size_t row_bytes_ = 0;
  size_t lines_per_row_ = 1;
  size_t lines_ = 0;
  size_t per_turn_ = 0;
  size_t next_ = 0;
};

void TilesOfPanel(const float* panel, const float* x, size_t tokens, size_t groups, bool first_block,
                  PanelPrefetch& prefetch, float* sums) {
  const size_t token_tiles = (tokens + kTileTokens - 1) / kTileTokens;
  for (size_t tile = 0; tile < token_tiles; ++tile) {
    prefetch.Turn();
    const float* x_tile = x + tile * kTileTokens * kDotBlock;
    for (size_t part = 0; part < kPanelTiles; ++part) {
      const float* w = panel + part * kTileRows * kDotBlock;
      float* out = sums + (tile * kPanelTiles + part) * kTileSlots;
      if (first_block) {
        Tile<true>(w, x_tile, groups, out);
      } else {
        Tile<false>(w, x_tile, groups, out);
      }
    }
  }
}

// From tile order to rows of the output.
void WriteRows(const float* sums, size_t tokens, size_t first_row, size_t rows, const MatMulOutput& out) {
  for (size_t t = 0; t < tokens; ++t) {
    float* to = out.data + static_cast<ptrdiff_t>(t) * out.stride + first_row;
    for (size_t r = 0; r < rows; ++r) {
      const size_t tile = t / kTileTokens * kPanelTiles + r / kTileRows;
      to[r] = sums[tile * kTileSlots + t % kTileTokens * kTileRows + r % kTileRows];
    }
  }
}

// Rows [begin, end) of one weight for one block of tokens. Rows go in strips, so that a block of columns of
// x, which stays in L2, serves many panels; with few tokens a strip is one panel, so that weights are read in
// long runs.
template <typename W>
void ManyRows(const PackedRows& x, size_t first_token, size_t tokens, const MatrixView& weight, size_t begin,
              size_t end, const MatMulOutput& out) {
  constexpr size_t kStripPanels = 8;
  constexpr size_t kPanelSums = kTokenBlock / kTileTokens * kPanelTiles * kTileSlots;
  HWY_ALIGN float panel[kPanelRows * kDotBlock];
  HWY_ALIGN float sums[kStripPanels * kPanelSums];
  const size_t strip_rows = tokens <= 16 ? kPanelRows : kStripPanels * kPanelRows;
  const size_t turns = (tokens + kTileTokens - 1) / kTileTokens;
  for (size_t strip = begin; strip < end; strip += strip_rows) {
    const size_t strip_end = HWY_MIN(end, strip + strip_rows);
    for (size_t block = 0; block < x.NumBlocks(); ++block) {
      const size_t columns = x.BlockColumns(block);
      const size_t groups = (columns + kGroup - 1) / kGroup;
      for (size_t row = strip; row < strip_end; row += kPanelRows) {
        const size_t rows = HWY_MIN(kPanelRows, strip_end - row);
        const size_t next_row = row + kPanelRows < strip_end ? row + kPanelRows : strip;
        const size_t next_block = next_row > row ? block : block + 1;
        const bool has_next = next_block < x.NumBlocks();
        PanelPrefetch prefetch(weight, next_row, has_next ? HWY_MIN(kPanelRows, strip_end - next_row) : 0,
                               next_block * kDotBlock, has_next ? x.BlockColumns(next_block) : 0, turns);
        WidenPanel<W>(weight, row, rows, block * kDotBlock, columns, panel);
        RepeatLastRow(rows, groups * kGroup, panel);
        TilesOfPanel(panel, x.Block(block, first_token), tokens, groups, block == 0, prefetch,
                     sums + (row - strip) / kPanelRows * kPanelSums);
      }
    }
    for (size_t row = strip; row < strip_end; row += kPanelRows) {
      WriteRows(sums + (row - strip) / kPanelRows * kPanelSums, tokens, row,
                HWY_MIN(kPanelRows, strip_end - row),
                {out.data + static_cast<ptrdiff_t>(first_token) * out.stride, out.stride});
    }
  }
}

// Dot products of kStreams weight rows with one packed row of x.
constexpr size_t kStreams = 4;

template <typename W>
HWY_INLINE void AddGroup(const Group& weight, const float* HWY_RESTRICT x,
                         hn::Vec<LaneTag> (&acc)[kVectors]) {
  const LaneTag d;
  for (size_t v = 0; v < kVectors; ++v) {
    acc[v] = hn::MulAdd(weight.even[v], hn::Load(d, x + v * hn::Lanes(d)), acc[v]);
  }
  for (size_t v = 0; v < kVectors; ++v) {
    acc[v] = hn::MulAdd(weight.odd[v], hn::Load(d, x + kLanes + v * hn::Lanes(d)), acc[v]);
  }
}

template <typename W>
void OneRow(const PackedRows& x, const MatrixView& weight, size_t begin, size_t end,
            float* HWY_RESTRICT out) {
  constexpr size_t kAhead =
      1024;  // bytes; beyond what the hardware prefetches by itself at the start of a row
  const LaneTag d;
  const hn::FixedTag<float, 4> d4;
  for (size_t row = begin; row < end; row += kStreams) {
    const W* in[kStreams];
    for (size_t s = 0; s < kStreams; ++s) {
      in[s] = reinterpret_cast<const W*>(weight.Row(static_cast<int64_t>(HWY_MIN(row + s, end - 1))));
    }
    auto total = hn::Zero(d4);
    for (size_t block = 0; block < x.NumBlocks(); ++block) {
      const float* xs = x.Block(block, 0);
      const size_t columns = x.BlockColumns(block);
      hn::Vec<LaneTag> acc[kStreams][kVectors];
      for (auto& stream : acc) {
        for (auto& vector : stream) vector = hn::Zero(d);
      }
      size_t at = 0;
      for (; at + kGroup <= columns; at += kGroup) {
        for (size_t s = 0; s < kStreams; ++s) {
          const W* group = in[s] + block * kDotBlock + at;
          hwy::Prefetch(reinterpret_cast<const uint8_t*>(group) + kAhead);
          AddGroup<W>(WidenGroup(group), xs + at, acc[s]);
        }
      }
      if (at < columns) {
        for (size_t s = 0; s < kStreams; ++s) {
          AddGroup<W>(WidenPartGroup(in[s] + block * kDotBlock + at, columns - at), xs + at, acc[s]);
        }
      }
      const auto sums =
          SumFours(FoldToFour(acc[0]), FoldToFour(acc[1]), FoldToFour(acc[2]), FoldToFour(acc[3]));
      total = block == 0 ? sums : hn::Add(total, sums);
    }
    HWY_ALIGN float four[4];
    hn::Store(total, d4, four);
    for (size_t s = 0; s < kStreams && row + s < end; ++s) out[row + s] = four[s];
  }
}

template <typename W>
void Product(const PackedRows& x, const MatrixView& weight, size_t begin, size_t end,
             const MatMulOutput& out) {
  if (x.rows() == 1) return OneRow<W>(x, weight, begin, end, out.data);
  for (size_t token = 0; token < x.rows(); token += kTokenBlock) {
    ManyRows<W>(x, token, HWY_MIN(kTokenBlock, x.rows() - token), weight, begin, end, out);
  }
}

void ProductRows(const PackedRows& x, const MatrixView& weight, size_t begin, size_t end,
                 const MatMulOutput& out) {
  switch (weight.dtype) {
    case DType::kBF16:
      return Product<bf16>(x, weight, begin, end, out);
    case DType::kF16:
      return Product<f16>(x, weight, begin, end, out);
    case DType::kF32:
      return Product<float>(x, weight, begin, end, out);
  }
}

// One row of x, columns of one block, in the order of WidenPanel.
void PackRow(const float* HWY_RESTRICT x, size_t columns, float* HWY_RESTRICT out) {
  size_t at = 0;
  for (; at + kGroup <= columns; at += kGroup) StoreGroup(WidenGroup(x + at), out + at);
  if (at < columns) StoreGroup(WidenPartGroup(x + at, columns - at), out + at);
}

}  // namespace HWY_NAMESPACE
}  // namespace puna
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "engine/base/check.h"
#include "engine/base/thread_pool.h"
#include "engine/ops/matmul.h"

namespace puna {
namespace {

HWY_EXPORT(ProductRows);
HWY_EXPORT(PackRow);

// With few rows one thread packs faster than all of them meet.
constexpr size_t kPackTogether = 8;

void Pack(const float* x, ptrdiff_t x_stride, const PackedRows& packed, size_t begin, size_t end) {
  for (size_t row = begin; row < end; ++row) {
    const float* in = x + static_cast<ptrdiff_t>(row) * x_stride;
    for (size_t block = 0; block < packed.NumBlocks(); ++block) {
      HWY_DYNAMIC_DISPATCH(PackRow)
      (in + block * kDotBlock, packed.BlockColumns(block), packed.MutableBlock(block, row));
    }
  }
}

}  // namespace

void MatMulScratch::Reserve(size_t max_rows, size_t max_cols) {
  const size_t bytes = PackedRows::Floats(max_rows, max_cols) * sizeof(float);
  if (bytes > buffer_.size()) buffer_ = AlignedBuffer(bytes, "packed activations");
}

void MatMul(ThreadPool& pool, const float* x, ptrdiff_t x_stride, size_t rows, size_t cols,
            std::span<const Projection> projections, MatMulScratch& scratch) {
  CHECK(rows >= 1 && cols >= 1) << rows << " x " << cols;
  CHECK(scratch.Bytes() >= PackedRows::Floats(rows, cols) * sizeof(float)) << rows << " x " << cols;
  const PackedRows packed(scratch.data(), rows, cols);
  if (rows < kPackTogether) {
    Pack(x, x_stride, packed, 0, rows);
  } else {
    pool.Run([&](int thread) {
      const Range range = Split(rows, 1, thread, pool.threads());
      Pack(x, x_stride, packed, range.begin, range.end);
    });
  }
  pool.Run([&](int thread) {
    for (const Projection& p : projections) {
      CHECK(p.weight.cols == static_cast<int64_t>(cols)) << p.weight.cols << " columns, x has " << cols;
      const Range range = Split(static_cast<size_t>(p.weight.rows), kRowGrain, thread, pool.threads());
      if (range.begin == range.end) continue;
      HWY_DYNAMIC_DISPATCH(ProductRows)(packed, p.weight, range.begin, range.end, {p.out, p.out_stride});
    }
  });
}

}  // namespace puna
#endif  // HWY_ONCE
