# packages.sh: the Debian packages of this tree, in one place, and how the missing ones are installed. Sourced.
# shellcheck shell=bash
# shellcheck disable=SC2034 # names for those who source this

PACKAGES_BUILD=(gcc libc6-dev make autoconf automake libtool pkg-config
    apache2-dev libjansson-dev libsodium-dev libmariadb-dev zlib1g-dev libunistring-dev libxml2-dev)
PACKAGES_RUN=(apache2-bin libaprutil1-dbd-mysql mariadb-server mariadb-client perl util-linux)
PACKAGES_TEST=(libcmocka-dev binutils libxml2-utils curl openssl valgrind faketime)
PACKAGES_BENCH=(wrk)
PACKAGES_PEER=(postgresql nodejs npm) # what bench/peer runs Medusa with
PACKAGES_FUZZ=(clang libclang-rt-dev llvm) # what make fuzz needs: libFuzzer, and names in its reports
PACKAGES_CLIENT=(nodejs npm chromium chromium-driver) # what t/60-client plays a storefront with
PACKAGES_PACKAGE=(debhelper dpkg-dev debootstrap rpm cpio) # what t/70-package makes packages and a scratch Debian with
PACKAGES_CLUSTER=(galera-4 mariadb-backup socat haproxy) # what t/75-cluster builds a cluster of

# Those that may as well come from elsewhere: a program of this name in PATH will do.
declare -A PROGRAM_OF=([nodejs]=node [npm]=npm [chromium]=chromium [chromium-driver]=chromedriver
    [debootstrap]=debootstrap [rpm]=rpmbuild [cpio]=cpio)

# Those of the arguments that are not installed.
missing_packages() {
    local package
    for package in "$@"; do
        ! command -v "${PROGRAM_OF[$package]:-}" > /dev/null || continue
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s\n' "$package"
    done
}

# Run a command while no package may start a daemon, and leave the machine's own policy as it was.
without_daemons() {
    local policy=/usr/sbin/policy-rc.d saved status=0
    (
        flock 9 # another ./run or ./check may be at the same point
        saved=$(mktemp)
        if [ -e "$policy" ]; then cp -p "$policy" "$saved"; else rm -f "$saved"; fi
        trap 'if [ -e "$saved" ]; then cp -p "$saved" "$policy"; rm -f "$saved"; else rm -f "$policy"; fi' EXIT
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod 755 "$policy"
        "$@"
    ) 9< /usr/sbin || status=$?
    return "$status"
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive without_daemons \
        apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" < /dev/null
}

# Make sure that these packages are there: need_packages NAME…
need_packages() {
    local missing log
    if ! command -v dpkg-query > /dev/null; then
        say "no Debian packages on this machine: trusting that httpd, MariaDB and the libraries are installed"
        return 0
    fi
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0
    is_root || fail "these packages are missing; install them as root: apt-get install --no-install-recommends ${missing[*]}"
    say "installing ${missing[*]} …"
    log=$(mktemp)
    if ! apt_install "${missing[@]}" > "$log" 2>&1; then
        say "updating the list of packages …"
        apt-get -qq update >> "$log" 2>&1 || true
        apt_install "${missing[@]}" >> "$log" 2>&1 || {
            tail -n 20 "$log" >&2
            fail "can't install ${missing[*]} (all of apt's words: $log)"
        }
    fi
    rm -f "$log"
}
