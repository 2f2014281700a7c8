# Writes a C++ file that holds the bytes of files, for EmbeddedWebFiles() in static_files.h.
#   cmake -DOUTPUT=<file.cc> "-DFILES=<path in a URL>=<file>;..." -P embed_files.cmake
# The output depends on the names and the bytes alone.

# hex_of_gzip(VARIABLE FILE): the file as gzip writes it, without the time at which it did.
function(hex_of_gzip variable file)
  set(packed "${OUTPUT}.gz")
  file(ARCHIVE_CREATE OUTPUT "${packed}" PATHS "${file}" FORMAT raw COMPRESSION GZip COMPRESSION_LEVEL 9)
  file(READ "${packed}" hex HEX)
  file(REMOVE "${packed}")
  # RFC 1952: two bytes of magic, the method, the flags, and four of time.
  string(SUBSTRING "${hex}" 0 8 head)
  string(SUBSTRING "${hex}" 16 -1 rest)
  set(${variable} "${head}00000000${rest}" PARENT_SCOPE)
endfunction()

# add_array(NAME HEX): its definition, in `arrays`; its number of bytes, in `size`.
macro(add_array name hex)
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  # No line of the output is longer than a compiler likes.
  string(REGEX REPLACE "((0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,))" "\\1\n" bytes "${bytes}")
  # One more byte than there is, for an empty file.
  string(APPEND arrays "const unsigned char ${name}[] = {\n${bytes}0};\n")
endmacro()

list(SORT FILES)
set(arrays "")
set(table "")
set(index 0)
foreach(entry IN LISTS FILES)
  string(REGEX MATCH "^([^=]+)=(.+)$" entry "${entry}")
  set(path "${CMAKE_MATCH_1}")
  set(file "${CMAKE_MATCH_2}")
  file(SHA256 "${file}" digest)
  string(SUBSTRING "${digest}" 0 32 digest)
  file(READ "${file}" plain HEX)
  add_array(kFile${index} "${plain}")
  set(row "\"${path}\", {reinterpret_cast<const char*>(kFile${index}), ${size}}")
  hex_of_gzip(packed "${file}")
  string(LENGTH "${plain}" plain_size)
  string(LENGTH "${packed}" packed_size)
  if(packed_size LESS plain_size)
    add_array(kPacked${index} "${packed}")
    string(APPEND row ", {reinterpret_cast<const char*>(kPacked${index}), ${size}}")
  else()
    string(APPEND row ", {}")
  endif()
  string(APPEND table "    {${row}, \"${digest}\"},\n")
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
