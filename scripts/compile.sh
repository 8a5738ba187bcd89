# compile.sh: builds the tree out of its own folder; only what changed, and never two at once. Sourced.
# shellcheck shell=bash

# The last lines of a log, then one clear line.
build_failed() {
    tail -n 30 "$1" >&2
    fail "the build failed (all of it: $1)"
}

# Write configure where it is missing or older than what it is made from.
refresh_configure() {
    local source=$1 log=$2
    if [ -x "$source/configure" ] && [ -f "$source/Makefile.in" ] &&
        [ ! "$source/configure.ac" -nt "$source/configure" ] && [ ! "$source/Makefile.am" -nt "$source/Makefile.in" ]; then
        return 0
    fi
    say "preparing the build …"
    (cd "$source" && autoreconf -fi) > "$log" 2>&1 || build_failed "$log"
}

# compile SOURCE BUILD CONFIGURE_ARGUMENT…: configure and make SOURCE in the folder BUILD; then make the unit tests too if
# COMPILE_TESTS is set; or only what COMPILE_ONLY names.
compile() {
    local source=$1 build=$2 log=$2/build.log target targets=(all)
    shift 2
    [ -z "${COMPILE_TESTS:-}" ] || targets+=(unit-tests)
    [ -z "${COMPILE_ONLY:-}" ] || targets=("$COMPILE_ONLY")
    mkdir -p "$build" 2> /dev/null || true
    [ -w "$build" ] || fail "can't write in $build: does it belong to another user?"
    [ "$(room_of "$build")" -ge 50 ] || fail "no room left for building in $build (50 MB are needed)"
    [ ! -e "$source/config.status" ] || fail "the source folder was configured itself; say 'make distclean' in it first"
    (
        flock 9 # configure is shared by all build folders
        refresh_configure "$source" "$log"
        cd "$build" || exit 1
        if [ ! -f Makefile ] || [ "$*" != "$(cat configure-arguments 2>/dev/null)" ]; then
            say "configuring …"
            "$source/configure" --quiet "$@" > "$log" 2>&1 || build_failed "$log"
            printf '%s' "$*" > configure-arguments
        fi
        ! make --question "${targets[@]}" > /dev/null 2>&1 || exit 0
        say "building …"
        for target in "${targets[@]}"; do # one by one: they share the library
            make -j "$(nproc)" "$target" > "$log" 2>&1 || build_failed "$log"
        done
    ) 9> "$(dirname "$build")/.lock"
}
