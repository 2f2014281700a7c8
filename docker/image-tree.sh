#!/usr/bin/env bash
# Builds Puna and lays out the file system of its image: docker/image-tree.sh DIRECTORY
# Beside the program that is every shared library it links, with the version and the licence of its Debian package.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[ $# -eq 1 ] || { echo 'usage: docker/image-tree.sh DIRECTORY' >&2; exit 2; }
tree=$1

"$root/scripts/install" --prefix "$tree/usr"
strip "$tree/usr/bin/puna"

# Debian's merged directories.
mkdir -p "$tree"/{etc,models,usr/lib,usr/share/doc/puna}
ln -s usr/lib "$tree/lib"
cp "$root/LICENSE" "$tree/usr/share/doc/puna/copyright"
printf 'puna:x:65532:65532:puna:/nonexistent:/nonexistent\n' >"$tree/etc/passwd"
printf 'puna:x:65532:\n' >"$tree/etc/group"

# "libfmt.so.9 => /lib/x86_64-linux-gnu/libfmt.so.9 (0x...)" and "/lib64/ld-linux-x86-64.so.2 (0x...)"
mapfile -t libraries < <(ldd "$tree/usr/bin/puna" | sed -nE 's/.*[[:blank:]](\/[^ ]+) \(0x[0-9a-f]+\)$/\1/p' | sort)
for library in "${libraries[@]}"; do
  case $library in
    /lib64/*) mkdir -p "$tree/usr/lib64"; ln -sfn usr/lib64 "$tree/lib64" ;;
  esac
  install -D -m 755 "$library" "$tree/usr/${library#/usr/}"
  # dpkg knows some files by the directory they had before the merge.
  file=$(readlink -f "$library")
  package=$(dpkg-query -S "$file" 2>/dev/null || dpkg-query -S "${file#/usr}")
  printf '%s\n' "${package%%:*}"
done | sort -u >"$tree/usr/share/puna/packages"

while read -r package; do
  install -D -m 644 "/usr/share/doc/$package/copyright" "$tree/usr/share/doc/$package/copyright"
done <"$tree/usr/share/puna/packages"
mapfile -t packages <"$tree/usr/share/puna/packages"
dpkg-query -W -f '${Package} ${Version}\n' "${packages[@]}" >"$tree/usr/share/puna/packages"

# Everything but the program itself and the list of versions is the same in every build: so are its times.
find "$tree" -exec touch --no-dereference --date=@0 {} +
