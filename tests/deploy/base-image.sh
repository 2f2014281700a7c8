#!/usr/bin/env bash
# A stand-in for docker.io/library/debian:bookworm-slim, made by debootstrap, for machines that can reach Debian's
# packages and no registry of images: tests/deploy/base-image.sh BUILDAH...
# Arguments: buildah and its global options. Does nothing if the image is there and not older than a month.
# It knows ccache too, with its cache at /ccache, so that an image is built from what the machine has compiled already.
set -euo pipefail
image=docker.io/library/debian:bookworm-slim
buildah=("$@")

created=$("${buildah[@]}" inspect --type image --format '{{.Docker.Created.Unix}}' "$image" 2>/dev/null || echo 0)
[ $(($(date +%s) - created)) -gt $((30 * 24 * 3600)) ] || exit 0

# With a new base no layer that was kept fits.
"${buildah[@]}" rmi --all --force >/dev/null 2>&1 || true

archives=/var/cache/apt/archives # packages that apt has fetched already are not fetched again
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
debootstrap --variant=minbase --include=ca-certificates,ccache --cache-dir="$archives" bookworm "$directory/root" \
  http://deb.debian.org/debian >"$directory/log" 2>&1 || { tail -n 20 "$directory/log" >&2; exit 1; }
cat >"$directory/root/etc/apt/sources.list" <<'END'
deb http://deb.debian.org/debian bookworm main
deb http://deb.debian.org/debian bookworm-updates main
deb http://deb.debian.org/debian-security bookworm-security main
END
# As the image of the registry has them: no sync to disk for each package, nothing kept.
echo force-unsafe-io >"$directory/root/etc/dpkg/dpkg.cfg.d/unsafe-io"
printf 'path-exclude=/usr/share/man/*\npath-exclude=/usr/share/doc/*\npath-include=/usr/share/doc/*/copyright\n' \
  >"$directory/root/etc/dpkg/dpkg.cfg.d/no-docs"
rm -rf "$directory/root/var/cache/apt/archives"/*.deb "$directory/root/var/lib/apt/lists"/* \
  "$directory/root/usr/share/man" "$directory/root/usr/share/locale"
find "$directory/root/usr/share/doc" -type f ! -name copyright -delete
printf 'cache_dir = /ccache\nbase_dir = /src\nhash_dir = false\n' >"$directory/root/etc/ccache.conf"

container=$("${buildah[@]}" from scratch)
"${buildah[@]}" add --quiet "$container" "$directory/root" / >&2
"${buildah[@]}" commit --quiet --rm "$container" "$image" >&2
