# Writes a C++ file that holds the bytes of files, for EmbeddedWebFiles() in static_files.h.
#   cmake -DOUTPUT=<file.cc> -DROOT=<folder> "-DFILES=<name under ROOT>;..." -P embed_files.cmake
# The output depends on the names and the bytes alone.

list(SORT FILES)
set(arrays "")
set(table "")
set(index 0)
foreach(name IN LISTS FILES)
  file(READ "${ROOT}/${name}" hex HEX)
  file(SHA256 "${ROOT}/${name}" digest)
  string(SUBSTRING "${digest}" 0 32 digest)
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  # No line of the output is longer than a compiler likes.
  string(REGEX REPLACE "((0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,))" "\\1\n" bytes "${bytes}")
  # One more byte than there is, for an empty file.
  string(APPEND arrays "const unsigned char kFile${index}[] = {\n${bytes}0};\n")
  string(APPEND table "    {\"/${name}\", {reinterpret_cast<const char*>(kFile${index}), ${size}}, \"${digest}\"},\n")
  math(EXPR index "${index} + 1")
endforeach()

file(WRITE "${OUTPUT}" "#include \"server/static_files.h\"

namespace puna {
namespace {

${arrays}
const EmbeddedFile kFiles[] = {
${table}};

}  // namespace

std::span<const EmbeddedFile> EmbeddedWebFiles() { return kFiles; }

}  // namespace puna
")
