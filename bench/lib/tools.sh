# tools.sh: the module and the tools of bench/, built. Sourced; sets build and tools. Needs scripts/packages.sh and compile.sh.
# shellcheck shell=bash
# shellcheck disable=SC2034

build='' tools=''

# Build what is missing: build_all [PACKAGE…]: these packages, too.
build_all() {
    need_packages "${PACKAGES_BUILD[@]}" "${PACKAGES_RUN[@]}" "$@"
    build=$here/build/bench
    compile "$here" "$build"
    tools=$build/bench
    mkdir -p "$tools"
    (
        cd "$build"
        ./config.status --quiet --file=bench/Makefile:"$here/bench/Makefile.in"
        make -C bench -j "$(nproc)"
    ) > "$build/bench.log" 2>&1 || build_failed "$build/bench.log"
    # shellcheck disable=SC1091 # made by configure
    . "$build/build-environment"
}
