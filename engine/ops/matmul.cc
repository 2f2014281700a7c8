#include "engine/ops/matmul.h"

#include "engine/base/check.h"
#include "engine/base/thread_pool.h"
#include "engine/ops/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/ops/matmul.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "engine/ops/matmul_tile-inl.h"

// One definition (reference::Dot), two ways through the memory:
//  - few rows of x: weights are streamed once and widened in registers, for all tokens while they are in L1;
//    memory bandwidth is the limit, then conversion;
//  - many rows: a panel of weights is widened to f32 in L1 once for a block of tokens, whose packed
//  activations
//    stay in L2; multiply-adds are the limit.
HWY_BEFORE_NAMESPACE();
namespace puna::HWY_NAMESPACE {

// Brings parts of weight rows nearer, a few lines at a time, while something else is computed: rows are pages
// apart, where the hardware does not look ahead.
class WeightsAhead {
 public:
  // `bytes` from `first` on, and as many from there on in `rows` rows `stride` bytes apart, in `steps` steps.
  WeightsAhead(const std::byte* first, size_t stride, size_t rows, size_t bytes, size_t steps)
      : row_(first),
        stride_(stride),
        rows_left_(rows),
        lines_((bytes + kLine - 1) / kLine),
        per_step_((rows * lines_ + steps - 1) / steps) {}

  HWY_INLINE void Step() {
    for (size_t i = 0; i < per_step_ && rows_left_ > 0; ++i) {
      __builtin_prefetch(row_ + line_ * kLine, 0, 2);  // L1 is full of what is in work
      if (++line_ < lines_) continue;
      line_ = 0;
      row_ += stride_;
      --rows_left_;
    }
  }

 private:
  static constexpr size_t kLine = 64;
  const std::byte* row_;
  size_t stride_;
  size_t rows_left_;
  size_t lines_;  // of a row
  size_t per_step_;
  size_t line_ = 0;
};

// Some streams, for the first token tile and for the others.
template <bool kFirstReader, class T>
HWY_INLINE StreamedRows<T, kStreamRows, kFirstReader> SomeOf(const StreamedRows<T, kStreams, true>& streams,
                                                             size_t first) {
  StreamedRows<T, kStreamRows, kFirstReader> some;
  for (size_t r = 0; r < kStreamRows; ++r) some.rows[r] = streams.rows[first + r];
  return some;
}

// A block of columns of a weight row. Where it lies in several pieces they are joined first, so that it is
// summed as if it were whole.
template <class T>
HWY_INLINE const T* RowPart(const MatrixView& weight, int64_t row, size_t column, size_t columns,
                            T (&joined)[kDotBlock]) {
  return reinterpret_cast<const T*>(
      weight.Part(row, static_cast<int64_t>(column), static_cast<int64_t>(columns), joined));
}

// Weight rows [begin, end), all rows of x.  REQUIRES: layout.streamed. Each of the kStreams streams is a part
// of the range, from its first row to its last.
template <class T>
void FewRows(const float* packed, const PackedLayout& layout, const Projection& to, size_t begin,
             size_t end) {
  HWY_ALIGN float totals[kFewRows * kStreams];  // [kStreamRows streams][token][stream]
  LateSums<kStreamTokens, kStreamRows> late;
  HWY_ALIGN T joined[kStreams][kDotBlock];
  const size_t stream_rows = (end - begin + kStreams - 1) / kStreams;
  for (size_t row = begin; row < begin + stream_rows; ++row) {
    for (size_t column = 0; column < layout.cols; column += kDotBlock) {
      const size_t groups = layout.BlockColumns(column) / kDotGroup;
      StreamedRows<T, kStreams, true> streams;
      for (size_t r = 0; r < kStreams; ++r) {
        // Beyond the end the last row is computed again and dropped.
        const auto from = static_cast<int64_t>(HWY_MIN(row + r * stream_rows, end - 1));
        streams.rows[r] = RowPart<T>(to.weight, from, column, layout.BlockColumns(column), joined[r]);
      }
      if (layout.rows == 1) {
        OneTokenSums(streams, packed + layout.Tile(column, 0), groups, column == 0, totals);
        continue;
      }
      for (size_t first = 0; first < kStreams; first += kStreamRows) {
        float* sums = totals + first * layout.rows;
        const size_t tile = HWY_MIN(layout.tile_tokens, layout.rows);
        TileBlock<kStreamTokens>(tile, SomeOf<true>(streams, first), packed + layout.Tile(column, 0), groups,
                                 column == 0, sums, late);
        for (size_t token = tile; token < layout.rows; token += tile) {
          TileBlock<kStreamTokens>(HWY_MIN(tile, layout.rows - token), SomeOf<false>(streams, first),
                                   packed + layout.Tile(column, token), groups, column == 0,
                                   sums + token * kStreamRows, late);
        }
      }
    }
    late.Flush();
    const size_t together = layout.rows == 1 ? kStreams : kStreamRows;
    for (size_t t = 0; t < layout.rows; ++t) {
      float* out = to.out + static_cast<ptrdiff_t>(t) * to.out_stride;
      for (size_t r = 0; r < kStreams && row + r * stream_rows < end; ++r)
        out[row + r * stream_rows] =
            totals[r / together * together * layout.rows + t * together + r % together];
    }
  }
}

// One part of one group of a panel row, to its two places in the panel.
template <class T>
HWY_INLINE void WidenPart(const T* from, size_t part, size_t group, size_t groups, size_t r, float* panel) {
  const D d;
  const Halves halves = Split(d, from);
  float* to = panel + ((part * groups + group) * 2 * kPanelRows + r) * kN;
  hn::Store(halves.even, d, to);
  hn::Store(halves.odd, d, to + kPanelRows * kN);
}

// Columns [column, column + columns) of kPanelRows weight rows; reads nothing beyond `last_row`, which stands
// in for rows after it.
template <class T>
void WidenPanel(const MatrixView& weight, size_t row, size_t last_row, size_t column, size_t columns,
                float* panel) {
  const size_t groups = (columns + kDotGroup - 1) / kDotGroup;
  const size_t whole = columns / kDotGroup;
  HWY_ALIGN T joined[kDotBlock];
  for (size_t r = 0; r < kPanelRows; ++r) {
    const T* from =
        RowPart(weight, static_cast<int64_t>(HWY_MIN(row + r, last_row)), column, columns, joined);
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
inline constexpr size_t kStripRows = kPanelRows * 16;
inline constexpr size_t kTokenBlock = 96;  // 192 KiB of activations per block of columns

template <class T>
void ManyRows(const float* packed, const PackedLayout& layout, const Projection& to, size_t begin,
              size_t end) {
  HWY_ALIGN float panel[kPanelRows * kDotBlock];
  HWY_ALIGN float totals[kStripRows / kPanelRows][kTokenBlock * kPanelRows];
  LateSums<kPanelTokens, kPanelRows> late;
  // Blocks of about the same size: a small last one would pay as much for widening as a large one.
  const size_t blocks = (layout.rows + kTokenBlock - 1) / kTokenBlock;
  const size_t token_block = HWY_MIN(RoundUp((layout.rows + blocks - 1) / blocks, layout.tile_tokens),
                                     kTokenBlock / layout.tile_tokens * layout.tile_tokens);
  for (size_t strip = begin; strip < end; strip += kStripRows) {
    const size_t strip_end = HWY_MIN(strip + kStripRows, end);
    for (size_t first = 0; first < layout.rows; first += token_block) {
      const size_t tokens = HWY_MIN(token_block, layout.rows - first);
      const size_t tiles = (tokens + layout.tile_tokens - 1) / layout.tile_tokens;
      for (size_t column = 0; column < layout.cols; column += kDotBlock) {
        const size_t columns = layout.BlockColumns(column);
        const size_t groups = (columns + kDotGroup - 1) / kDotGroup;
        for (size_t row = strip; row < strip_end; row += kPanelRows) {
          WidenPanel<T>(to.weight, row, strip_end - 1, column, columns, panel);
          // The panel after this one: of the next rows, or of the strip's first rows in the next columns.
          const bool last = row + kPanelRows >= strip_end;
          const size_t next_row = last ? strip : row + kPanelRows;
          const size_t next_column = !last                              ? column
                                     : column + kDotBlock < layout.cols ? column + kDotBlock
                                                                        : 0;
          WeightsAhead ahead(
              to.weight.Element(static_cast<int64_t>(next_row), static_cast<int64_t>(next_column)),
              to.weight.RowStride(), HWY_MIN(kPanelRows, strip_end - next_row),
              layout.BlockColumns(next_column) * sizeof(T), tiles);
          for (size_t token = 0; token < tokens; token += layout.tile_tokens) {
            ahead.Step();
            TileBlock<kPanelTokens>(HWY_MIN(layout.tile_tokens, tokens - token), WidenedPanel{panel, groups},
                                    packed + layout.Tile(column, first + token), groups, column == 0,
                                    totals[(row - strip) / kPanelRows] + token * kPanelRows, late);
          }
        }
      }
      late.Flush();
      // Only now to the rows of the output: rows a power of two apart share few cache lines.
      for (size_t t = 0; t < tokens; ++t) {
        float* out = to.out + static_cast<ptrdiff_t>(first + t) * to.out_stride;
        for (size_t row = strip; row < strip_end; ++row) {
          const size_t r = row - strip;
          out[row] = totals[r / kPanelRows][t * kPanelRows + r % kPanelRows];
        }
      }
    }
  }
}

template <class T>
void Rows(const float* packed, const PackedLayout& layout, const Projection& to, size_t begin, size_t end) {
  if (layout.streamed) {
    FewRows<T>(packed, layout, to, begin, end);
  } else {
    ManyRows<T>(packed, layout, to, begin, end);
  }
}

void ProductKernel(const float* packed, size_t rows, size_t cols, const Projection& to, size_t begin,
                   size_t end) {
  const PackedLayout layout(rows, cols);
  switch (to.weight.dtype) {
    case DType::kBF16:
      return Rows<bf16>(packed, layout, to, begin, end);
    case DType::kF16:
      return Rows<f16>(packed, layout, to, begin, end);
    case DType::kF32:
      return Rows<float>(packed, layout, to, begin, end);
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
