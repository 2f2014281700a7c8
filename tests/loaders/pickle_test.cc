#include "loaders/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "loaders/byte_reader.h"
#include "loaders/load_error.h"
#include "tests/support/pickle_builder.h"

namespace puna {
namespace {

using Kind = PickleNode::Kind;
using test::PickleBuilder;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// What the program between PROTO and STOP leaves on the stack. Programs are short-lived; so are the
// documents.
class Program {
 public:
  explicit Program(const PickleBuilder& body, int protocol = 2)
      : bytes_(PickleBuilder().Proto(protocol).Raw(body.bytes()).Op('.').bytes()),
        document_(ReadPickle(AsBytes(bytes_))) {}
  const PickleDocument& document() const { return document_; }
  const PickleNode& root() const { return document_.root(); }

 private:
  std::string bytes_;
  PickleDocument document_;
};

PickleBuilder P() { return PickleBuilder(); }

void ExpectRefused(const std::string& bytes, const std::string& words) {
  EXPECT_THAT([&] { ReadPickle(AsBytes(bytes)); }, ThrowsMessage<FormatError>(HasSubstr(words)));
}

void ExpectBodyRefused(const PickleBuilder& body, const std::string& words) {
  ExpectRefused(PickleBuilder().Proto().Raw(body.bytes()).Op('.').bytes(), words);
}

TEST(PickleTest, NumbersOfEveryEncodingAreRead) {
  for (const int64_t value : {int64_t{0}, int64_t{255}, int64_t{65535}, int64_t{-1}, int64_t{INT32_MIN},
                              int64_t{1} << 40, int64_t{INT64_MIN}, int64_t{INT64_MAX}}) {
    const Program program(P().Int(value));
    EXPECT_EQ(program.root().kind, Kind::kInt);
    EXPECT_EQ(program.root().number, value);
  }
}

TEST(PickleTest, ShortLongsAreSignExtended) {
  EXPECT_EQ(Program(P().Raw(std::string("\x8a\x00", 2))).root().number, 0);
  EXPECT_EQ(Program(P().Raw("\x8a\x01\xff")).root().number, -1);
  EXPECT_EQ(Program(P().Raw(std::string("\x8a\x02\xff\x00", 4))).root().number, 255);
  EXPECT_EQ(Program(P().Raw(std::string("\x8a\x05\x00\x00\x00\x00\x01", 7))).root().number, int64_t{1} << 32);
}

TEST(PickleTest, TuplesKeepTheirOrder) {
  const Program program(P().Int(7).Text("a").Op('N').Op('\x87'));
  ASSERT_EQ(program.root().kind, Kind::kTuple);
  const auto items = program.document().Items(program.root());
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(program.document().node(items[0]).number, 7);
  EXPECT_EQ(program.document().node(items[1]).text, "a");
  EXPECT_EQ(program.document().node(items[2]).kind, Kind::kNone);
}

TEST(PickleTest, DictKeepsInsertionOrderOverSeveralBatches) {
  const Program program(
      P().Op('}').Op('(').Text("a").Int(1).Text("b").Int(2).Op('u').Text("c").Int(3).Op('s'));
  ASSERT_EQ(program.root().kind, Kind::kDict);
  EXPECT_EQ(program.root().entry_count, 3u);
  EXPECT_TRUE(program.document().Items(program.root()).empty());
  std::string keys;
  int64_t sum = 0;
  for (uint32_t e = program.root().first_entry; e != PickleNode::kNoEntry;
       e = program.document().entry(e).next) {
    keys += program.document().node(program.document().entry(e).key).text;
    sum += program.document().node(program.document().entry(e).value).number;
  }
  EXPECT_EQ(keys, "abc");
  EXPECT_EQ(sum, 6);
}

TEST(PickleTest, MemoGivesTheSameNodeAgain) {
  const Program program(P().Text("x").Op('q').Op(1).Op('h').Op(1).Op('\x86'));
  const auto items = program.document().Items(program.root());
  EXPECT_EQ(items[0], items[1]);
}

TEST(PickleTest, ProtocolFourNamesAndMemosAreRead) {
  const Program program(P().Raw(std::string("\x95\x00\x00\x00\x00\x00\x00\x00\x00", 9))
                            .Raw("\x8c\x0b"
                                 "collections")
                            .Op('\x94')
                            .Raw("\x8c\x0b"
                                 "OrderedDict")
                            .Op('\x94')
                            .Op('\x93')
                            .Op('\x94')
                            .Op(')')
                            .Op('R'),
                        4);
  EXPECT_EQ(program.root().kind, Kind::kDict);
}

TEST(PickleTest, MetadataOfAStateDictIsDropped) {
  const PickleBuilder ordered = P().Global("collections", "OrderedDict").Op(')').Op('R');
  const Program program(
      P().Raw(ordered.bytes()).Op('}').Text("_metadata").Raw(ordered.bytes()).Op('s').Op('b'));
  EXPECT_EQ(program.root().kind, Kind::kDict);
  EXPECT_EQ(program.root().entry_count, 0u);
}

TEST(PickleTest, ParameterIsItsTensor) {
  const Program program(P().Global("torch._utils", "_rebuild_parameter")
                            .Op('(')
                            .Tensor({.name = "w", .storage_size = 2, .shape = {2}})
                            .Op('\x88')
                            .Global("collections", "OrderedDict")
                            .Op(')')
                            .Op('R')
                            .Op('t')
                            .Op('R'));
  EXPECT_EQ(program.root().kind, Kind::kTensor);
}

struct HostileProgram {
  std::string title;
  std::string body;
  std::string words;
};

class PickleHostileTest : public ::testing::TestWithParam<HostileProgram> {};

TEST_P(PickleHostileTest, IsRefusedNamingOpcodeAndOffset) {
  const std::string bytes = PickleBuilder().Proto().Raw(GetParam().body).Op('.').bytes();
  EXPECT_THAT([&] { ReadPickle(AsBytes(bytes)); },
              ThrowsMessage<FormatError>(::testing::AllOf(HasSubstr(GetParam().words), HasSubstr("offset"))));
}

std::string Rebuild(std::string_view name, std::string_view arguments) {
  return P().Global("torch._utils", name).Raw(arguments).Op('R').bytes();
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, PickleHostileTest,
    ::testing::Values(
        HostileProgram{"OsSystem", P().Global("os", "system").Op('(').Text("id").Op('t').Op('R').bytes(),
                       "offset 2, GLOBAL (0x63): 'os.system' is not in the closed list"},
        HostileProgram{"BuiltinsEval", P().Global("builtins", "eval").bytes(), "'builtins.eval'"},
        HostileProgram{"SubprocessByStackGlobal", P().Text("subprocess").Text("Popen").Op('\x93').bytes(),
                       "STACK_GLOBAL (0x93): 'subprocess.Popen'"},
        HostileProgram{"AnotherFunctionOfTorchUtils",
                       P().Global("torch._utils", "_rebuild_device_tensor_from_numpy").bytes(),
                       "not in the closed list"},
        HostileProgram{"TorchSubmodule", P().Global("torch.utils.collect_env", "run").bytes(),
                       "not in the closed list"},
        HostileProgram{"NameWithDots", P().Global("collections", "OrderedDict.__init__").bytes(),
                       "not in the closed list"},
        HostileProgram{"DoubleStorage", P().Global("torch", "DoubleStorage").bytes(),
                       "torch.DoubleStorage is not supported; expected bf16, f16 or f32"},
        HostileProgram{"ControlBytesInAName", P().Global("o\x1bs", "sys\x07tem").bytes(), "o\\x1Bs"},
        HostileProgram{"MemoizedNameParts",
                       P().Text("os")
                           .Op('q')
                           .Op(0)
                           .Text("system")
                           .Op('q')
                           .Op(1)
                           .Op('h')
                           .Op(0)
                           .Op('h')
                           .Op(1)
                           .Op('\x93')
                           .bytes(),
                       "os.system"},
        HostileProgram{"StackGlobalOfNumbers", P().Int(1).Int(2).Op('\x93').bytes(), "expected two texts"},
        HostileProgram{"GlobalWithoutEnd", "ccollections", "its name has no end"},
        HostileProgram{"Inst", "(ios\nsystem\n", "INST (0x69)"}, HostileProgram{"Obj", "(o", "OBJ (0x6f)"},
        HostileProgram{"NewObj", ")\x81", "NEWOBJ (0x81)"},
        HostileProgram{"NewObjEx", "\x92", "NEWOBJ_EX (0x92)"},
        HostileProgram{"Ext1", "\x82\x01", "EXT1 (0x82)"},
        HostileProgram{"PersId", "Pstorage\n", "PERSID (0x50)"},
        HostileProgram{"BinUnicode8", std::string("\x8d\x00\x00\x00\x00\x00\x00\x00\x80", 9),
                       "BINUNICODE8 (0x8d)"},
        HostileProgram{"List", "]", "EMPTY_LIST (0x5d)"},
        HostileProgram{"ByteArray", "\x96", "BYTEARRAY8 (0x96)"},
        HostileProgram{"UnknownOpcode", "\xff", "unknown opcode 0xff"},
        HostileProgram{"SecondProto", "\x80\x02", "only allowed at the start"},
        HostileProgram{"TextPastTheEnd",
                       std::string("X\xff\xff\xff\x7f"
                                   "abc",
                                   8),
                       "a text of 2147483647 bytes"},
        HostileProgram{"ArgumentCutShort", "J\x01", "BININT (0x4a): its argument is cut short"},
        HostileProgram{"LongOfNineBytes", std::string("\x8a\x09") + std::string(9, '\1'),
                       "a number of 9 bytes"},
        HostileProgram{"MemoSlotFarAway", std::string("Nr\xfe\xff\xff\xff", 6), "memo slot 4294967294"},
        HostileProgram{"EmptyMemoSlot", "h\x07", "memo slot 7 is empty"},
        HostileProgram{"EmptyMemoSlotBetweenFullOnes", "Nq\x02h\x01", "memo slot 1 is empty"},
        HostileProgram{"PutOnEmptyStack", std::string("q\x00", 2), "needs 1 values, 0 are on the stack"},
        HostileProgram{"TupleUnderflow", "N\x86", "needs 2 values"},
        HostileProgram{"TupleWithoutMark", "Nt", "there is no mark"},
        HostileProgram{"TupleReachesBelowAMark", "N(N\x86", "needs 2 values, 1 are on the stack"},
        HostileProgram{"MarkLeftOpen", "(N", "a mark is left open"},
        HostileProgram{"NothingOnTheStack", "", "expected one value on the stack, found 0"},
        HostileProgram{"TwoOnTheStack", "NN", "expected one value on the stack, found 2"},
        HostileProgram{"SetItemsOdd", "}(Nu", "do not pair up"},
        HostileProgram{"SetItemOnATuple", ")NNs", "expected a dict, found a tuple"},
        HostileProgram{"SetItemsWithoutADict", "(NNu", "needs 3 values"},
        HostileProgram{"ReduceOfText", P().Text("f").Op(')').Op('R').bytes(),
                       "expected a known name, found a text"},
        HostileProgram{"ReduceWithoutTuple", P().Global("collections", "OrderedDict").Op('N').Op('R').bytes(),
                       "expected a tuple of arguments"},
        HostileProgram{"OrderedDictWithArguments",
                       P().Global("collections", "OrderedDict").Op('N').Op('\x85').Op('R').bytes(),
                       "OrderedDict with arguments"},
        HostileProgram{"StorageTypeCalled", P().Global("torch", "HalfStorage").Op(')').Op('R').bytes(),
                       "takes no arguments"},
        HostileProgram{"ParameterOfNothing", Rebuild("_rebuild_parameter", ")"),
                       "_rebuild_parameter: expected"},
        HostileProgram{"ParameterOfText", Rebuild("_rebuild_parameter", "NNN\x87"),
                       "_rebuild_parameter: expected"},
        HostileProgram{"PersistentIdOfText", P().Text("x").Op('Q').bytes(), "expected a storage's tuple"},
        HostileProgram{"BuildOnATuple", ")}b", "expected a dict as the state of a dict"},
        HostileProgram{"BuildWithATuple", "})b", "expected a dict as the state of a dict"},
        HostileProgram{"BuildOnNothing", "}b", "needs 1 values"},
        HostileProgram{"NineTuplesDeep", ")" + std::string(8, '\x85'), "more than 8 levels of nesting"},
        HostileProgram{"DictInsideItself",
                       "}" +
                           [] {
                             std::string s;
                             for (int i = 0; i < 9; ++i)
                               s += "q" + std::string(1, '\0') + "Nh" + std::string(1, '\0') + "s";
                             return s;
                           }(),
                       "more than 8 levels of nesting"}),
    [](const auto& kind) { return kind.param.title; });

TEST(PickleTest, ProtocolsOutsideTwoToFourAreRefused) {
  for (const int protocol : {0, 1, 5, 255}) {
    ExpectRefused(PickleBuilder().Proto(protocol).Op('N').Op('.').bytes(), "expected 2, 3 or 4");
  }
  ExpectRefused("N.", "does not start with PROTO");
  ExpectRefused("", "does not start with PROTO");
}

TEST(PickleTest, BytesBehindStopAreRefused) {
  ExpectRefused(PickleBuilder().Proto().Raw("N.cos\nsystem\n").bytes(), "11 bytes follow");
}

TEST(PickleTest, EveryTruncationIsRefused) {
  const std::vector<test::PickledTensor> tensors{{.name = "w", .storage_size = 6, .shape = {2, 3}}};
  const std::string bytes = test::PickleTensors(tensors);
  ASSERT_NO_THROW(ReadPickle(AsBytes(bytes)));
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string cut = bytes.substr(0, size);
    EXPECT_THROW(ReadPickle(AsBytes(cut)), FormatError) << size;
  }
}

TEST(PickleTest, AMillionMarksAreRefused) {
  ExpectBodyRefused(P().Raw(std::string(1'000'000, '(')), "more than 100000 marks");
}

TEST(PickleTest, AMillionValuesAreRefused) {
  ExpectBodyRefused(P().Raw(std::string(1'000'000, 'N')), "more than 100000 values on the stack");
}

TEST(PickleTest, EndlessProgramsAreRefused) {
  std::string sets = "}";
  for (int i = 0; i < 400'000; ++i) sets += "NNs";
  ExpectBodyRefused(P().Raw(sets), "more than 1000000 opcodes");
}

TEST(PickleTest, MemoDoublingStaysSmall) {
  // t = (t, t) again and again would be 2^n items if anything copied it.
  std::string body = ")";
  for (int i = 0; i < 7; ++i)
    body += std::string("q") + static_cast<char>(i) + "h" + static_cast<char>(i) + "\x86";
  const Program program{P().Raw(body)};
  EXPECT_EQ(program.root().count, 2u);
}

TEST(PickleTest, OversizedPickleIsRefusedUnread) {
  const std::string bytes((16u << 20) + 1, 'N');
  ExpectRefused(bytes, "at most 16777216 are read");
}

TEST(PickleTest, AnyFlippedByteEitherReadsOrIsRefused) {
  const std::vector<test::PickledTensor> tensors{{.name = "w", .storage_size = 6, .shape = {2, 3}}};
  const std::string bytes = test::PickleTensors(tensors);
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(value);
      try {
        const PickleDocument document = ReadPickle(AsBytes(changed));
        EXPECT_LE(document.root().depth, 8);
      } catch (const FormatError& error) {
        EXPECT_STRNE(error.what(), "");
      }
    }
  }
}

}  // namespace
}  // namespace puna
