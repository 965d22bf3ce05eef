# Sourced by the scripts beside it: where things are, and how they speak.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=${SJCP_JOBS:-$(nproc)}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# The oldest Go that tests/interop accepts, and the toolchain that `setup --go` fetches where there is none.
go_minimum=1.25
go_pinned=1.25.5

# Settings for every use of Go: no silent change of toolchain, no need of version control or of a home folder.
export GOTOOLCHAIN=local
export GOFLAGS="${GOFLAGS:+$GOFLAGS }-buildvcs=false"
if [[ -z ${HOME:-} || ! -w ${HOME:-/nonexistent} ]]; then
  export GOPATH=${GOPATH:-$root/.cache/gopath} GOCACHE=${GOCACHE:-$root/.cache/go-build}
fi

# Succeeds when version $1 is at least version $2.
version_at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

go_platform() { # as Go spells it, e.g. linux-amd64
  case $(uname -m) in
    x86_64) echo linux-amd64 ;;
    aarch64) echo linux-arm64 ;;
    *) die "no Go toolchain is known for $(uname -m)" ;;
  esac
}

# Where the Go command keeps fetched toolchains; needs any Go, however old.
go_toolchain_dir() { echo "$(go env GOMODCACHE)/golang.org/toolchain@v0.0.1-go$go_pinned.$(go_platform)"; }

# Prints the path of a Go that is new enough, or fails silently.
find_go() {
  local version
  command -v go >/dev/null || return 1
  version=$(cd / && go env GOVERSION)
  if version_at_least "${version#go}" "$go_minimum"; then
    command -v go
    return
  fi
  local fetched
  fetched=$(go_toolchain_dir)
  [[ -x $fetched/bin/go && -f $fetched/src/go.mod ]] && echo "$fetched/bin/go"
}

# Where the Python environments are, and making one: NAME with the packages of a requirements file, and those of a second
# one without what they depend on; again when a file changes.
venv_dir() { echo "$root/.cache/venv"; }
make_venv() { # NAME REQUIREMENTS [REQUIREMENTS_ALONE]
  local dir wanted=("${@:2}")
  dir=$(venv_dir)/$1
  cat "${wanted[@]}" | cmp -s - "$dir/made-from.txt" && return
  say "making the Python environment $1"
  rm -rf "$dir"
  local pip=("$dir/bin/python" -m pip --quiet --disable-pip-version-check install)
  python3 -m venv "$dir" && "${pip[@]}" -r "$2" && { [[ $# -lt 3 ]] || "${pip[@]}" --no-deps -r "$3"; } &&
    cat "${wanted[@]}" >"$dir/made-from.txt" && return
  rm -rf "$dir"
  return 1
}

# build_go NAME MODULE PACKAGE: a program of a Go module below tests/interop, into the build folder.
build_go() {
  local go
  go=$(find_go) || return 1
  (cd "$root/tests/interop/$2" && "$go" build -o "$root/build/$1" "$3")
}
build_versitygw() { build_go versitygw versitygw github.com/versity/versitygw/cmd/versitygw; }

# Ends a process that this script started, and waits for it.
stop_process() {
  kill "$1" 2>/dev/null || return 0
  wait "$1" 2>/dev/null || true
}
