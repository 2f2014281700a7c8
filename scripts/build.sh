# Sourced by serve and test, which set `root`: builds the CMake presets below build/.

# configure PRESET: anew where there is no build yet or where the clone has moved since; ninja sees every other change.
configure() {
  local directory=$root/build/$1 fresh=()
  if [ -f "$directory/build.ninja" ]; then
    grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$directory/CMakeCache.txt" && return 0
    fresh=(--fresh)
  fi
  mkdir -p "$directory" || fail "Cannot write to $directory, where the build goes"
  printf 'Building into %s, which takes some minutes the first time\n' "$directory" >&2
  (cd "$root" && cmake --preset "$1" "${fresh[@]}") >"$directory/configure.log" 2>&1 || {
    rm -f "$directory/build.ninja"
    cat "$directory/configure.log" >&2
    fail "CMake could not configure the build: its messages are above"
  }
}

# compile PRESET [TARGET...]: ninja without a language of its own. ccache tells languages apart, and what one build has
# compiled is to serve the others: that for use, that for tests, and that of an image.
compile() {
  env -u LANG -u LANGUAGE -u LC_ALL -u LC_CTYPE -u LC_MESSAGES ninja -C "$root/build/$1" "${@:2}"
}

# build_program: build/release/puna as the sources say. Silent when there is nothing to do.
build_program() {
  local directory=$root/build/release newer
  configure release
  if [ ! -w "$directory" ]; then # a user may run what another has built
    newer=$(cd "$root" && find CMakeLists.txt engine loaders server tokenizer web -newer "$directory/puna" -print -quit)
    [ -x "$directory/puna" ] && [ -z "$newer" ] && return 0
    fail "Puna has to be built, and $directory belongs to another user"
  fi
  compile release puna | sed -uE '/^ninja: (Entering directory|no work to do)/d; /Re-checking globbed/d' >&2 ||
    fail "The build failed: the compiler's messages are above"
}
