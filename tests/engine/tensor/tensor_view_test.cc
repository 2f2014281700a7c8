#include "engine/tensor/tensor_view.h"

#include <gtest/gtest.h>

namespace puna {
namespace {

TensorView View(std::vector<int64_t> shape, std::vector<int64_t> strides) {
  return {.dtype = DType::kF32, .shape = std::move(shape), .strides = std::move(strides), .data = nullptr};
}

TEST(TensorViewTest, ElementsAreTheProductOfTheShape) {
  EXPECT_EQ(View({2, 3, 4}, {12, 4, 1}).NumElements(), 24);
  EXPECT_EQ(View({5, 0}, {1, 1}).NumElements(), 0);
  EXPECT_EQ(View({}, {}).NumElements(), 1);
}

TEST(TensorViewTest, RowMajorWithoutGapsIsContiguous) {
  EXPECT_TRUE(View({}, {}).IsContiguous());
  EXPECT_TRUE(View({7}, {1}).IsContiguous());
  EXPECT_TRUE(View({2, 3, 4}, {12, 4, 1}).IsContiguous());
}

TEST(TensorViewTest, GapsTransposesAndRepeatsAreNotContiguous) {
  EXPECT_FALSE(View({3, 2}, {1, 3}).IsContiguous());
  EXPECT_FALSE(View({3, 2}, {4, 1}).IsContiguous());
  EXPECT_FALSE(View({7}, {2}).IsContiguous());
  EXPECT_FALSE(View({3, 2}, {0, 1}).IsContiguous());
}

TEST(TensorViewTest, AxesOfSizeOneMayHaveAnyStride) {
  EXPECT_TRUE(View({1, 3}, {99, 1}).IsContiguous());
  EXPECT_TRUE(View({3, 1}, {1, 99}).IsContiguous());
  EXPECT_TRUE(View({1}, {0}).IsContiguous());
}

TEST(TensorViewTest, EmptyTensorIsContiguousWhateverItsStrides) {
  EXPECT_TRUE(View({0, 3}, {7, 7}).IsContiguous());
}

TEST(TensorViewTest, ShapeIsWrittenAsAList) {
  EXPECT_EQ(View({4096, 1024}, {1024, 1}).ShapeString(), "[4096, 1024]");
  EXPECT_EQ(View({}, {}).ShapeString(), "[]");
}

}  // namespace
}  // namespace puna
