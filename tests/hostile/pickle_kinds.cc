#include "tests/hostile/kinds.h"
#include "tests/support/pickle_builder.h"
#include "tests/support/zip_builder.h"

namespace puna::test {
namespace {

const std::string kFile = "consolidated.00.pth";

Kind Pickle(const std::string& name, const std::string& pickle, const std::string& words) {
  const std::string bytes =
      BuildZip({{.name = "x/data.pkl", .data = pickle}, {.name = "x/data/0", .data = std::string(24, '\0')}});
  return Content("pickle: " + name, kFile, bytes, words);
}

PickleBuilder P() { return PickleBuilder().Proto(); }

std::string Call(const std::string& module, const std::string& name) {
  return P()
      .Global(module, name)
      .Raw("(X\x16")
      .Raw(std::string(3, '\0'))
      .Raw("touch puna-payload-ran")
      .Raw("tR.")
      .bytes();
}

std::string Repeated(const std::string& unit, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += unit;
  return out;
}

void AddCode(std::vector<Kind>& kinds) {
  const struct {
    const char* module;
    const char* name;
  } callables[] = {{"os", "system"},
                   {"posix", "system"},
                   {"nt", "system"},
                   {"subprocess", "Popen"},
                   {"subprocess", "check_output"},
                   {"builtins", "eval"},
                   {"builtins", "exec"},
                   {"__builtin__", "eval"},
                   {"builtins", "getattr"},
                   {"builtins", "__import__"},
                   {"runpy", "run_path"},
                   {"importlib", "import_module"},
                   {"torch.hub", "load"},
                   {"torch.utils.collect_env", "run"},
                   {"torch.serialization", "load"},
                   {"torch", "load"},
                   {"torch._utils", "_rebuild_tensor_v2.__globals__"},
                   {"torch._utils", "_import_dotted_name"},
                   {"torch.FloatStorage", ""},
                   {"collections", "OrderedDict.__init__"},
                   {"numpy.core.multiarray", "_reconstruct"},
                   {"numpy", "__builtins__"},
                   {"pickle", "loads"},
                   {"marshal", "loads"},
                   {"webbrowser", "open"},
                   {"shutil", "rmtree"}};
  for (const auto& [module, name] : callables)
    kinds.push_back(Pickle(std::string(module) + "." + name, Call(module, name), "it is not executed"));
  kinds.push_back(Pickle("STACK_GLOBAL",
                         PickleBuilder().Proto(4).Text("os").Text("system").Raw("\x93(tR.").bytes(),
                         "it is not executed"));
  kinds.push_back(Pickle("INST", P().Raw("(ios\nsystem\n.").bytes(), "nothing in a model file is executed"));
  kinds.push_back(Pickle("OBJ",
                         P().Raw("(N"
                                 "o.")
                             .bytes(),
                         "nothing in a model file is executed"));
  kinds.push_back(Pickle("NEWOBJ", P().Raw("N)\x81.").bytes(), "nothing in a model file is executed"));
  kinds.push_back(Pickle("EXT1", P().Raw("\x82\x01.").bytes(), "nothing in a model file is executed"));
  kinds.push_back(Pickle("PERSID", P().Raw("P0\n.").bytes(), "nothing in a model file is executed"));
  kinds.push_back(Pickle("LIST", P().Raw("(l.").bytes(), "nothing in a model file is executed"));
  kinds.push_back(Pickle("an unknown opcode", P().Raw("\xfe.").bytes(), "opcode"));
}

void AddBombs(std::vector<Kind>& kinds) {
  kinds.push_back(Pickle("a million nested tuples",
                         P().Op('N').Raw(Repeated("\x85", 1'000'000)).Op('.').bytes(), "levels of nesting"));
  kinds.push_back(Pickle("doubling", P().Op(')').Raw(Repeated("2\x86", 100)).Op('.').bytes(), "offset"));
  std::string doubling = P().Raw(")q").Raw(std::string(1, '\0')).bytes();
  for (char slot = 0; slot < 60; ++slot) {
    doubling += std::string("h") + slot + "h" + slot + "\x86q" + static_cast<char>(slot + 1);
  }
  kinds.push_back(Pickle("doubling by the memo", doubling + ".", "levels of nesting"));
  kinds.push_back(Pickle("a flood of marks", P().Raw(std::string(2'000'000, '(')).bytes(), "marks"));
  kinds.push_back(
      Pickle("a flood of values", P().Raw(std::string(2'000'000, 'N')).bytes(), "values on the stack"));
  kinds.push_back(Pickle("a flood of opcodes",
                         P().Raw(Repeated("N\x85\x85", 5)).Raw(Repeated("}(0", 4)).bytes(), "offset"));
  kinds.push_back(
      Pickle("memo slot 2^32 - 2", P().Raw("Nr\xfe\xff\xff\xff.").bytes(), "memo slot 4294967294"));
  kinds.push_back(Pickle("an empty memo slot", P().Raw("h\x05.").bytes(), "memo slot 5 is empty"));
  kinds.push_back(Pickle("a text of 4 GB",
                         P().Raw("X\xff\xff\xff\xff"
                                 "abc.")
                             .bytes(),
                         "a text of 4294967295 bytes"));
  kinds.push_back(
      Pickle("a text of 2^63 bytes", P().Raw("\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.").bytes(), "opcode"));
  kinds.push_back(Pickle("a number of 255 bytes", P().Raw("\x8a\xff.").bytes(), "at most 8 are read"));
  kinds.push_back(Pickle("a name without end", P().Raw("ctorch").bytes(), "its name has no end"));
  kinds.push_back(
      Pickle("too long", P().Raw(std::string((16u << 20) + 1, 'N')).bytes(), "at most 16777216 are read"));
}

void AddPrograms(std::vector<Kind>& kinds) {
  kinds.push_back(Pickle("nothing", "", "does not start with PROTO"));
  kinds.push_back(Pickle("protocol 0", "(dp0\n.", "does not start with PROTO"));
  kinds.push_back(
      Pickle("protocol 5", PickleBuilder().Proto(5).Raw("}.").bytes(), "protocol 5, expected 2, 3 or 4"));
  kinds.push_back(Pickle("protocol 255", PickleBuilder().Proto(255).Raw("}.").bytes(), "expected 2, 3 or 4"));
  kinds.push_back(Pickle("PROTO twice", P().Proto().Raw("}.").bytes(), "only allowed at the start"));
  kinds.push_back(Pickle("no STOP", P().Raw("}").bytes(), "without STOP"));
  kinds.push_back(Pickle("bytes after STOP", P().Raw("}.N").bytes(), "bytes follow"));
  kinds.push_back(
      Pickle("STOP on nothing", P().Raw(".").bytes(), "expected one value on the stack, found 0"));
  kinds.push_back(Pickle("STOP on two", P().Raw("NN.").bytes(), "found 2"));
  kinds.push_back(Pickle("STOP in a mark", P().Raw("}(.").bytes(), "a mark is left open"));
  kinds.push_back(
      Pickle("a tuple of too few", P().Raw("N\x87.").bytes(), "needs 3 values, 1 are on the stack"));
  kinds.push_back(Pickle("a tuple without a mark", P().Raw("Nt.").bytes(), "there is no mark"));
  kinds.push_back(Pickle("items into no dict", P().Raw("NK\x01K\x02s.").bytes(), "expected a dict"));
  kinds.push_back(Pickle("items that do not pair up", P().Raw("}(Nu.").bytes(), "do not pair up"));
  kinds.push_back(Pickle("a call of a number", P().Raw("K\x01)R.").bytes(), "expected a known name"));
  kinds.push_back(Pickle("a call without a tuple",
                         P().Global("collections", "OrderedDict").Raw("NR.").bytes(),
                         "expected a tuple of arguments"));
  kinds.push_back(Pickle("a storage that is called", P().Global("torch", "FloatStorage").Raw(")R.").bytes(),
                         "storage type"));
  kinds.push_back(
      Pickle("a state of a tuple", P().Raw(")}b.").bytes(), "expected a dict as the state of a dict"));
  kinds.push_back(Pickle("a persistent id of nothing", P().Raw("NQ.").bytes(), "expected a storage's tuple"));
  kinds.push_back(Pickle("None", P().Raw("N.").bytes(), "expected a dict of tensors, found None"));
  kinds.push_back(
      Pickle("a dict of numbers", P().Raw("}").Text("w").Raw("K\x01s.").bytes(), "expected a tensor"));
  kinds.push_back(
      Pickle("a training state", P().Raw("}").Text("model").Raw("}s.").bytes(), "not a training state"));
  kinds.push_back(
      Pickle("a tensor without arguments",
             P().Raw("}").Text("w").Global("torch._utils", "_rebuild_tensor_v2").Raw(")Rs.").bytes(),
             "expected 6 or 7 arguments, found 0"));
  kinds.push_back(
      Pickle("a tensor of nothing",
             P().Raw("}").Text("w").Global("torch._utils", "_rebuild_tensor_v2").Raw("(NNNNNNtRs.").bytes(),
             "expected a storage, found None"));
  kinds.push_back(Content("pickle: the format from before PyTorch 1.6", kFile,
                          std::string("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15),
                          "torch.save(torch.load(\"old.pth\""));
  kinds.push_back(Content("pickle: without an archive", kFile, "\x80\x02}.", "bare pickle"));
}

}  // namespace

std::vector<Kind> PickleKinds() {
  std::vector<Kind> kinds;
  AddCode(kinds);
  AddBombs(kinds);
  AddPrograms(kinds);
  return kinds;
}

}  // namespace puna::test
