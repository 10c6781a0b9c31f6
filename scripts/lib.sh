# lib.sh - what the scripts beside it share; sourced by bash.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# What a build from a fresh clone needs on Debian and its kin.
build_packages=(gcc libc6-dev make autoconf automake pkg-config libssl-dev
                default-libmysqlclient-dev libsqlite3-dev libsystemd-dev)

say() { printf '==> %s\n' "$*"; }

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# Installs those of the packages that are missing.
need_packages() {
    local package missing=()
    command -v dpkg-query >/dev/null || {
        say "no dpkg here: taking it that these are installed under other names: $*"
        return
    }
    for package; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    [[ $(id -u) == 0 ]] || die "packages are missing; as root: apt-get install ${missing[*]}"
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq &&
        apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null ||
        die "apt-get could not install ${missing[*]}"
}

# Runs a command whose output is wanted only if it fails. $1: its log
quietly() {
    local log=$1
    shift
    "$@" >>"$log" 2>&1 </dev/null && return
    tail -n 40 "$log" >&2
    die "failed: $* (the end of its output is above)"
}

# Copies the sources to a folder, as they are now, without what was built from them.
copy_sources() {
    local file list=(git -c "safe.directory=*" -C "$top" ls-files -z
                     --cached --others --exclude-standard)
    mkdir -p "$1"
    if "${list[@]}" >/dev/null 2>&1; then
        "${list[@]}" | while IFS= read -r -d '' file; do
            [[ -e $top/$file ]] && printf '%s\0' "$file"
        done | tar -C "$top" --null -T - -cf - | tar -C "$1" -xf -
    else
        tar -C "$top" --exclude=.git -cf - . | tar -C "$1" -xf -
        [[ ! -f $1/Makefile ]] || make -C "$1" -s distclean >/dev/null
    fi
    chmod -R u+w "$1"
}

# Configures and builds. $1: sources, $2: build folder, the rest: arguments of configure
build() {
    local src=$1 dir=$2
    shift 2
    mkdir -p "$dir"
    [[ -x $src/configure ]] || (cd "$src" && quietly "$dir/build.log" autoreconf -fi)
    (cd "$dir" && quietly build.log "$src/configure" "$@" && quietly build.log make -j"$(nproc)")
}
