# shellcheck shell=bash
# Compilers for the scripts. Sourced by lib.sh.
#
# A toolchain that the machine has is used. A missing one goes to
# .cache/toolchains, verified by the checksums below, and touches nothing else.

readonly RUSTUP_VERSION=1.28.2
declare -rA RUSTUP_SHA256=(
  [x86_64]=20a06e644b0d9bd2fbdbfd52d42540bdde820ea7df86e92e533c073da0cdd43c
  [aarch64]=e3853c5a252fca15252d07cb23a1bdd9377a8c6f3efa01531109281ae47f841c
)
# The oldest Go that the modules of tests/ accept, and the one that is fetched:
# from the module proxy that GOPROXY names, where releases of Go are modules too
# (https://go.dev/doc/toolchain).
readonly GO_MINIMUM=1.25
readonly GO_VERSION=1.26.8
declare -rA GO_SHA256=(
  [amd64]=30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7
  [arm64]=02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99
)

readonly TOOLCHAINS="$CACHE/toolchains"

# fetch URL SHA256 FILE: downloads a file that must have this checksum.
fetch() {
  apt_install curl ca-certificates
  mkdir -p "$(dirname "$3")"
  curl --fail --silent --show-error --location --retry 3 --output "$3.part" "$1" ||
    die "can't download $1" "check the network, then run again"
  printf '%s  %s\n' "$2" "$3.part" | sha256sum --check --quiet - >&2 ||
    die "$1 is not the file that was expected" "compare its checksum with the one in scripts/toolchains.sh"
  mv "$3.part" "$3"
}

# version_at_least WANTED GIVEN
version_at_least() { printf '%s\n%s\n' "$1" "$2" | sort --version-sort --check=quiet; }

# fetch_rustup: rustup without a toolchain, in RUSTUP_HOME and CARGO_HOME.
fetch_rustup() {
  local machine checksum installer="$TOOLCHAINS/rustup-init"
  machine="$(uname -m)"
  checksum="${RUSTUP_SHA256[$machine]:-}"
  [ -n "$checksum" ] || die "no Rust toolchain, and none is known here for $machine" "install rustup from https://rustup.rs"
  say "fetching rustup $RUSTUP_VERSION"
  fetch "https://static.rust-lang.org/rustup/archive/$RUSTUP_VERSION/$machine-unknown-linux-gnu/rustup-init" "$checksum" "$installer"
  chmod +x "$installer"
  if ! "$installer" -y --quiet --no-modify-path --profile minimal --default-toolchain none >"$installer.log" 2>&1; then
    cat "$installer.log" >&2
    die "rustup could not be installed in $TOOLCHAINS" "read its message above"
  fi
  rm -f "$installer" "$installer.log"
}

ensure_rust() {
  if ! have cargo && [ -x "$HOME/.cargo/bin/cargo" ]; then PATH="$HOME/.cargo/bin:$PATH"; fi
  if ! have cargo; then
    export RUSTUP_HOME="$TOOLCHAINS/rustup" CARGO_HOME="$TOOLCHAINS/cargo"
    PATH="$CARGO_HOME/bin:$PATH"
    [ -x "$CARGO_HOME/bin/cargo" ] || fetch_rustup
  fi
  # rustup's cargo fails where the release that rust-toolchain.toml names is missing.
  (cd "$ROOT" && RUSTUP_AUTO_INSTALL=0 cargo --version >/dev/null 2>&1) && return
  have rustup || die "cargo doesn't run" "cargo --version"
  say "installing the Rust release that rust-toolchain.toml names"
  (cd "$ROOT" && rustup --quiet toolchain install >&2) || die "rustup could not install it" "read its message above"
}

# go_is_enough COMMAND
go_is_enough() {
  local version
  version="$(cd / && "$1" env GOVERSION 2>/dev/null)" && version_at_least "$GO_MINIMUM" "${version#go}"
}

ensure_go() {
  have go && go_is_enough go && return
  local home="$TOOLCHAINS/go" machine checksum file
  PATH="$home/bin:$PATH"
  # The fetched one must be the one that runs, even where Go's own settings ask for another.
  export GOTOOLCHAIN=local
  if [ -x "$home/bin/go" ] && [ "$("$home/bin/go" env GOVERSION)" = "go$GO_VERSION" ]; then return; fi
  machine="$(dpkg --print-architecture 2>/dev/null || uname -m)"
  checksum="${GO_SHA256[$machine]:-}"
  [ -n "$checksum" ] || die "no Go $GO_MINIMUM or later, and none is known here for $machine" "install Go from https://go.dev/dl"
  local proxy="${GOPROXY:-}"
  proxy="${proxy%%[,|]*}"
  [[ "$proxy" == http* ]] || die "no Go $GO_MINIMUM or later, and GOPROXY names no proxy to fetch it from" "install Go from https://go.dev/dl"
  say "fetching Go $GO_VERSION (70 MB)"
  apt_install unzip
  file="$TOOLCHAINS/go.zip"
  fetch "$proxy/golang.org/toolchain/@v/v0.0.1-go$GO_VERSION.linux-$machine.zip" "$checksum" "$file"
  rm -rf "$home" "$home.new"
  unzip -q "$file" -d "$home.new"
  mv "$home.new/golang.org/toolchain@v0.0.1-go$GO_VERSION.linux-$machine" "$home"
  rm -rf "$home.new" "$file"
  # A module holds no permissions and no nested go.mod; what the go command does
  # when it switches to a toolchain that it fetched (cmd/go/internal/toolchain).
  find "$home/bin" "$home/pkg/tool" -type f -exec chmod +x {} +
  find "$home/src" -name _go.mod -exec sh -c 'mv "$1" "${1%_go.mod}go.mod"' _ {} \;
}

# ensure_build_tools: compilers and what they need.
ensure_build_tools() {
  apt_install gcc libc6-dev
  ensure_rust
  ensure_go
}
