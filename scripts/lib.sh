# shellcheck shell=bash
# Shared by the scripts of this repository: messages, timing, privileges.
# Source it after `set -euo pipefail`.

# The repository's root, whatever the working directory.
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# Tools, logs and stamps that the scripts keep (ignored by Git).
# shellcheck disable=SC2034 # read by the scripts that source this file
CACHE="$ROOT/.cache"
# No revision in the test fixtures' binaries: they would be linked anew at each
# commit, and Go refuses to look at a checkout that another user owns.
export GOFLAGS="-buildvcs=false ${GOFLAGS:-}"

# say TEXT…: one line of progress. Standard error, so that a script's result
# stays alone on standard output.
say() { printf '%s\n' "==> $*" >&2; }

# warn TEXT…: something that doesn't stop the script.
warn() { printf '%s\n' "warning: $*" >&2; }

# die WHAT [REMEDY]: ends the script.
die() {
  printf '%s\n' "error: $1" >&2
  if [ $# -gt 1 ]; then printf '%s\n' "  try: $2" >&2; fi
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# duration SECONDS: as 1h 2m 3s, without leading zeros.
duration() {
  local s=$1 out=""
  if ((s >= 3600)); then out="$((s / 3600))h "; fi
  if ((s >= 60)); then out+="$((s % 3600 / 60))m "; fi
  printf '%s%ds' "$out" "$((s % 60))"
}

# step NAME COMMAND…: runs the command with a header and the time that it took.
# A failure names the step, the command and its exit code, and is returned.
#
# The command may be a function, and stops at its first failure. Bash suspends
# that (`set -e`) in a condition, so don't call step in one: neither with `if`
# nor before `||`. The command runs in a subshell: variables that it sets are lost.
step() {
  local name=$1 start=$SECONDS status
  shift
  say "$name"
  set +e
  (
    set -e
    "$@"
  )
  status=$?
  set -e
  if ((status != 0)); then
    printf '%s\n' "error: step '$name' failed (exit $status) after $(duration $((SECONDS - start))): $*" >&2
    return "$status"
  fi
  say "$name: done in $(duration $((SECONDS - start)))"
}

# usage: prints the calling script's header comment, which is its --help.
usage() {
  awk 'NR == 1 { next } /^#/ { sub(/^# ?/, ""); print; next } { exit }' "$0"
}

# wait_until SECONDS COMMAND…: polls until the command succeeds or time is up.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS >= deadline)); then return 1; fi
    sleep 0.2 # the interval of the poll
  done
}

# apt_install PACKAGE…: installs those that are missing. Debian and root only.
apt_install() {
  local package missing=()
  for package in "$@"; do
    if ! dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed; then
      missing+=("$package")
    fi
  done
  if ((${#missing[@]} == 0)); then return 0; fi
  have apt-get || die "not a Debian system, can't install: ${missing[*]}" "install them with this system's package manager and run again"
  ((EUID == 0)) || die "need root to install: ${missing[*]}" "sudo apt-get install ${missing[*]}"
  say "installing with apt: ${missing[*]}"
  local log
  log="$(mktemp)"
  if ! { DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    die "apt-get could not install: ${missing[*]}" "check the mirror in /etc/apt and the network, then run again"
  fi
  rm -f "$log"
}

# cargo_static PACKAGE [OPTION…]: its release binaries, statically linked, in $STATIC.
# A directory of its own keeps the flags from rebuilding everything else.
STATIC_TARGET="$(uname -m)-unknown-linux-gnu"
# shellcheck disable=SC2034 # read by the scripts that source this file
STATIC="$ROOT/target/static/$STATIC_TARGET/release"
cargo_static() {
  local flags="-C target-feature=+crt-static"
  # Packed, the addresses that such a program corrects when it starts take 6 KiB of it and not 580. An older
  # glibc would not correct them (news of 2.36, DT_RELR).
  if printf '%s\n' "glibc 2.36" "$(getconf GNU_LIBC_VERSION)" | sort --version-sort --check=quiet; then
    flags+=" -C link-arg=-Wl,-z,pack-relative-relocs"
  fi
  (cd "$ROOT" && RUSTFLAGS="$flags" \
    cargo build --locked --release --target "$STATIC_TARGET" --target-dir target/static --package "$@") ||
    die "can't build $1" "read the compiler's message above"
}

# shellcheck source-path=SCRIPTDIR source=toolchains.sh
. "$ROOT/scripts/toolchains.sh"
