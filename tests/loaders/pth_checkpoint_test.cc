#include "loaders/pth_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <map>
#include <string>

#include "engine/tensor/matrix_view.h"
#include "loaders/byte_reader.h"
#include "loaders/load_error.h"
#include "loaders/mapped_file.h"
#include "tests/support/pickle_builder.h"
#include "tests/support/zip_builder.h"

namespace puna {
namespace {

using test::BuildZip;
using test::PickledTensor;
using test::PickleTensors;
using test::ZipSpec;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::string Fixture(const std::string& name) {
  return std::string(PUNA_SOURCE_DIR) + "/tests/loaders/fixtures/" + name;
}

// A fixture and its tensors by name.
struct Opened {
  explicit Opened(const std::string& name) : file(Fixture(name)) {
    for (NamedTensor& tensor : ReadPthCheckpoint(file.bytes())) {
      order.push_back(tensor.name);
      views[tensor.name] = tensor.view;
    }
  }
  MappedFile file;
  std::vector<std::string> order;
  std::map<std::string, TensorView> views;
};

// make_fixtures.py: element i is i / 4 + start.
void ExpectRamp(const TensorView& view, float start) {
  ASSERT_TRUE(view.IsContiguous());
  const VectorView flat{.dtype = view.dtype, .size = view.NumElements(), .data = view.data};
  for (int64_t i = 0; i < flat.size; ++i) EXPECT_EQ(At(flat, i), static_cast<float>(i) / 4 + start) << i;
}

void ExpectFixtureRefused(const std::string& name, const std::string& words) {
  EXPECT_THAT([&] { Opened opened(name); }, ThrowsMessage<FormatError>(HasSubstr(words)));
}

class PthProtocolTest : public ::testing::TestWithParam<const char*> {};

TEST_P(PthProtocolTest, EveryTypeIsReadInPlace) {
  const Opened opened(GetParam());
  EXPECT_EQ(opened.order, (std::vector<std::string>{"half", "brain", "full"}));
  const TensorView& half = opened.views.at("half");
  EXPECT_EQ(half.dtype, DType::kF16);
  EXPECT_EQ(half.ShapeString(), "[3, 4]");
  ExpectRamp(half, 0.0f);
  EXPECT_EQ(opened.views.at("brain").dtype, DType::kBF16);
  ExpectRamp(opened.views.at("brain"), 1.0f);
  EXPECT_EQ(opened.views.at("full").dtype, DType::kF32);
  ExpectRamp(opened.views.at("full"), -2.0f);
  const auto bytes = opened.file.bytes();
  EXPECT_TRUE(half.data > bytes.data() && half.data < bytes.data() + bytes.size());
}

INSTANTIATE_TEST_SUITE_P(Files, PthProtocolTest,
                         ::testing::Values("dtypes.pth", "protocol3.pth", "protocol4.pth"));

TEST(PthCheckpointTest, ViewsOfASharedStorageStartAtTheirOffset) {
  const Opened opened("views.pth");
  const TensorView& whole = opened.views.at("whole");
  ExpectRamp(whole, 0.0f);
  EXPECT_EQ(opened.views.at("same_again").data, whole.data);
  EXPECT_EQ(opened.views.at("rows_2_to_4").data, whole.data + 8 * sizeof(float));
  ExpectRamp(opened.views.at("rows_2_to_4"), 2.0f);
  ExpectRamp(opened.views.at("flat_tail"), 5.0f);
  EXPECT_EQ(opened.views.at("scalar").shape.size(), 0u);
  ExpectRamp(opened.views.at("scalar"), 23.0f / 4);
  EXPECT_EQ(opened.views.at("empty").NumElements(), 0);
  EXPECT_EQ(opened.views.at("one_row_any_stride").ShapeString(), "[1, 1]");
  ExpectRamp(opened.views.at("one_row_any_stride"), 3.0f);
}

TEST(PthCheckpointTest, StateDictWithMetadataIsRead) {
  const Opened opened("state_dict.pth");
  EXPECT_EQ(opened.order, (std::vector<std::string>{"table", "inner.0.weight", "inner.0.bias",
                                                    "inner.1.weight", "inner.1.bias"}));
  ExpectRamp(opened.views.at("inner.0.weight"), 0.0f);
  EXPECT_EQ(opened.views.at("inner.0.weight").ShapeString(), "[2, 3]");
}

TEST(PthCheckpointTest, ParametersAreRead) { ExpectRamp(Opened("parameters.pth").views.at("weight"), 0.0f); }

TEST(PthCheckpointTest, NamesMayBeAnyUnicode) {
  const Opened opened("non_ascii_names.pth");
  EXPECT_EQ(opened.order, (std::vector<std::string>{"gewicht.größe", "重み"}));
}

TEST(PthCheckpointTest, NonContiguousTensorIsRefusedByName) {
  ExpectFixtureRefused("not_contiguous.pth", "'turned': shape [2, 3] with strides [1, 2] is not contiguous");
}

TEST(PthCheckpointTest, OtherTypesAreRefused) {
  ExpectFixtureRefused("integers.pth", "torch.LongStorage is not supported");
}

TEST(PthCheckpointTest, TrainingStateIsRefused) {
  ExpectFixtureRefused("training_state.pth", "'model' (pickle offset 18) is a dict, expected a tensor");
}

TEST(PthCheckpointTest, SingleTensorIsRefused) {
  ExpectFixtureRefused("one_tensor.pth", "expected a dict of tensors, found a tensor");
}

TEST(PthCheckpointTest, PickledModuleIsRefused) {
  ExpectFixtureRefused("whole_module.pth", "'torch.nn.modules.linear.Linear'");
}

TEST(PthCheckpointTest, CodeInACheckpointIsRefusedNotRun) {
  ExpectFixtureRefused("payload.pth", "system' is not in the closed list");
}

TEST(PthCheckpointTest, TorchScriptIsRefused) { ExpectFixtureRefused("torchscript.pth", "TorchScript"); }

TEST(PthCheckpointTest, FormatFromBefore16IsRefusedWithTheWayToRewriteIt) {
  ExpectFixtureRefused("before_1_6.pth", "torch.save(torch.load(\"old.pth\"");
}

struct Foreign {
  std::string title;
  std::string bytes;
  std::string words;
};

class ForeignFileTest : public ::testing::TestWithParam<Foreign> {};

TEST_P(ForeignFileTest, IsSaidInWords) {
  EXPECT_THAT([&] { ReadPthCheckpoint(AsBytes(GetParam().bytes)); },
              ThrowsMessage<FormatError>(HasSubstr(GetParam().words)));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, ForeignFileTest,
    ::testing::Values(
        Foreign{"HtmlPage", "\n <!DOCTYPE html><html>", "starts like an HTML page"},
        Foreign{"HtmlWithoutDoctype", "<HTML><body>login", "starts like an HTML page"},
        Foreign{"XmlError", "<?xml version=\"1.0\"?><Error><Code>AccessDenied", "XML error answer"},
        Foreign{"GitLfsPointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00", "git lfs pull"},
        Foreign{"JsonAnswer", "{\"error\": \"not found\"}", "starts like JSON"},
        Foreign{"BarePickle", "\x80\x02}.", "bare pickle"},
        Foreign{"Gguf", std::string("GGUF\x03\0\0\0", 8), "GGUF"},
        Foreign{"Safetensors", std::string("\x40\0\0\0\0\0\0\0{\"a\":{}}", 16), "safetensors"},
        Foreign{"Gzip", "\x1f\x8b\x08", "gzip"},
        Foreign{"Zeros", std::string(4096, '\0'), "starts with zeros"},
        Foreign{"OneByte", "P", "is not a zip archive"}, Foreign{"Nothing", "", "is not a zip archive"},
        Foreign{"Words", "just some words in a file that nobody expected", "is not a zip archive"}),
    [](const auto& kind) { return kind.param.title; });

// A checkpoint of one f32 tensor [2, 3], to be spoiled.
struct Parts {
  PickledTensor tensor{.name = "w", .storage_size = 6, .shape = {2, 3}, .strides = {3, 1}};
  std::string pickle;  // instead of the tensor's, when not empty
  std::vector<ZipSpec> records{{.name = "x/data/0", .data = std::string(24, '\0')}};
  std::string pickle_name = "x/data.pkl";

  std::string Bytes() const {
    const std::string data = pickle.empty() ? PickleTensors(std::vector{tensor}) : pickle;
    std::vector<ZipSpec> all{{.name = pickle_name, .data = data}};
    all.insert(all.end(), records.begin(), records.end());
    return BuildZip(all);
  }
};

void ExpectRefused(const Parts& parts, const std::string& words) {
  const std::string bytes = parts.Bytes();
  EXPECT_THAT([&] { ReadPthCheckpoint(AsBytes(bytes)); }, ThrowsMessage<FormatError>(HasSubstr(words)));
}

TEST(PthCheckpointTest, AnyArchiveNameIsFoundByItsPickle) {
  for (const std::string prefix : {"archive/", "consolidated.00/", "a/b/", ""}) {
    Parts parts;
    parts.pickle_name = prefix + "data.pkl";
    parts.records[0].name = prefix + "data/0";
    const std::string bytes = parts.Bytes();
    EXPECT_EQ(ReadPthCheckpoint(AsBytes(bytes)).size(), 1u) << prefix;
  }
}

TEST(PthCheckpointTest, StorageThatIsNotAlignedToItsElementsIsRefused) {
  int aligned = 0;
  for (size_t shift = 0; shift < 4; ++shift) {
    Parts parts;
    parts.records[0].align = 0;
    parts.records.insert(parts.records.begin(), {.name = "x/shift", .data = std::string(shift, 's')});
    const std::string bytes = parts.Bytes();
    try {
      ReadPthCheckpoint(AsBytes(bytes));
      ++aligned;
    } catch (const FormatError& error) {
      EXPECT_THAT(error.what(), HasSubstr("tensor 'w': its bytes are not aligned to 4"));
    }
  }
  EXPECT_EQ(aligned, 1);
}

struct HostileParts {
  std::string title;
  std::function<void(Parts&)> spoil;
  std::string words;
};

class PthHostileTest : public ::testing::TestWithParam<HostileParts> {};

TEST_P(PthHostileTest, IsRefusedByName) {
  Parts parts;
  GetParam().spoil(parts);
  ExpectRefused(parts, GetParam().words);
}

constexpr int64_t kBig = int64_t{1} << 62;

INSTANTIATE_TEST_SUITE_P(
    Kinds, PthHostileTest,
    ::testing::Values(
        HostileParts{"NoPickle", [](Parts& p) { p.pickle_name = "x/other.pkl"; }, "without a data.pkl"},
        HostileParts{"TwoPickles",
                     [](Parts& p) { p.records.push_back({.name = "y/data.pkl", .data = "N."}); },
                     "two data.pkl"},
        HostileParts{"NoStorage", [](Parts& p) { p.records.clear(); },
                     "its storage 'x/data/0' is not in the archive"},
        HostileParts{"StorageKeyWithDots", [](Parts& p) { p.tensor.key = "../../secret"; },
                     "'x/data/../../secret' is not in the archive"},
        HostileParts{"StorageTooShort", [](Parts& p) { p.records[0].data.resize(23); },
                     "has 23 bytes, expected 24 (6 elements of f32)"},
        HostileParts{"StorageTooLong", [](Parts& p) { p.records[0].data.resize(28); },
                     "has 28 bytes, expected 24"},
        HostileParts{"StorageOfAnotherType", [](Parts& p) { p.tensor.storage_type = "HalfStorage"; },
                     "expected 12 (6 elements of f16)"},
        HostileParts{"BigEndian",
                     [](Parts& p) { p.records.push_back({.name = "x/byteorder", .data = "big"}); },
                     "byte order is 'big'"},
        HostileParts{"StorageCompressed", [](Parts& p) { p.records[0].method = 8; },
                     "'x/data/0' is compressed"},
        HostileParts{"NegativeOffset", [](Parts& p) { p.tensor.offset = -1; }, "the storage offset is -1"},
        HostileParts{"OffsetPastTheStorage", [](Parts& p) { p.tensor.offset = 1; },
                     "reaches element 6 of a storage of 6"},
        HostileParts{"OffsetThatWraps", [](Parts& p) { p.tensor.offset = INT64_MAX; }, "overflow 64 bits"},
        HostileParts{"ShapeTooLarge",
                     [](Parts& p) {
                       p.tensor.shape = {3, 3};
                     },
                     "reaches element 8 of a storage of 6"},
        HostileParts{"NegativeExtent",
                     [](Parts& p) {
                       p.tensor.shape = {-2, 3};
                     },
                     "the shape is -2"},
        HostileParts{"NegativeStride",
                     [](Parts& p) {
                       p.tensor.strides = {-3, 1};
                     },
                     "the strides is -3"},
        HostileParts{"ExtentsThatWrap",
                     [](Parts& p) {
                       p.tensor.shape = {kBig, kBig};
                       p.tensor.strides = {0, 0};
                     },
                     "overflow 64 bits"},
        HostileParts{"StridesThatWrap",
                     [](Parts& p) {
                       p.tensor.strides = {kBig, kBig};
                       p.tensor.shape = {3, 3};
                     },
                     "overflow 64 bits"},
        HostileParts{"StorageSizeThatWraps", [](Parts& p) { p.tensor.storage_size = kBig; },
                     "overflow 64 bits"},
        HostileParts{"NegativeStorageSize", [](Parts& p) { p.tensor.storage_size = -6; },
                     "number of elements is -6"},
        HostileParts{"ZeroStrides",
                     [](Parts& p) {
                       p.tensor.shape = {1000, 1000};
                       p.tensor.strides = {0, 0};
                     },
                     "is not contiguous"},
        HostileParts{"FewerStridesThanAxes", [](Parts& p) { p.tensor.strides = {1}; },
                     "2 axes have 1 strides"},
        HostileParts{"NineAxes", [](Parts& p) { p.tensor.shape.assign(9, 1); }, "at most 8"},
        HostileParts{"OneNameTwice",
                     [](Parts& p) {
                       p.pickle = PickleTensors(std::vector{p.tensor, p.tensor});
                     },
                     "'w' is described twice"},
        HostileParts{"NoName", [](Parts& p) { p.tensor.name = ""; }, "found an empty text"},
        HostileParts{"EmptyStorageKey", [](Parts& p) { p.tensor.key = ""; }, "storage key is not a text"},
        HostileParts{"NoTensors", [](Parts& p) { p.pickle = "\x80\x02}."; }, "holds no tensors"},
        HostileParts{"NumberAsName", [](Parts& p) { p.pickle = "\x80\x02}K\x01Ns."; },
                     "expected a tensor's name, found a number"},
        HostileParts{"TensorWithoutArguments",
                     [](Parts& p) {
                       p.pickle = test::PickleBuilder()
                                      .Proto()
                                      .Op('}')
                                      .Text("w")
                                      .Global("torch._utils", "_rebuild_tensor_v2")
                                      .Op(')')
                                      .Op('R')
                                      .Op('s')
                                      .Op('.')
                                      .bytes();
                     },
                     "expected 6 or 7 arguments, found 0"},
        HostileParts{"TensorOfNothing",
                     [](Parts& p) {
                       p.pickle = test::PickleBuilder()
                                      .Proto()
                                      .Op('}')
                                      .Text("w")
                                      .Global("torch._utils", "_rebuild_tensor_v2")
                                      .Raw("(NNNNNNtRs.")
                                      .bytes();
                     },
                     "expected a storage, found None"},
        HostileParts{"StorageOfOnePart",
                     [](Parts& p) {
                       p.pickle = test::PickleBuilder()
                                      .Proto()
                                      .Op('}')
                                      .Text("w")
                                      .Global("torch._utils", "_rebuild_tensor_v2")
                                      .Raw("(N\x85QNNNNNtRs.")
                                      .bytes();
                     },
                     "its storage has 1 parts"},
        HostileParts{"HugePickle", [](Parts& p) { p.pickle = std::string((16u << 20) + 1, 'N'); },
                     "at most 16777216 are read"}),
    [](const auto& kind) { return kind.param.title; });

}  // namespace
}  // namespace puna
