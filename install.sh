#!/bin/sh
# The bootstrap: fetches the binary of one version, checks it, runs it, and leaves nothing of itself behind.
#
#   curl -fsSL https://www.streamhub.studio/install.sh | sudo sh -s -- FLAGS
#
# `make dist` stamps what it fetches into it. It has to run in dash, bash and busybox sh.
#
# All of it is one group, which a shell runs only once it has read the last byte. Functions beside each other would
# not do: of `digest() {` cut off in the middle, a shell runs `dig`.
{
    version=''
    base_url=''
    sha256=''

    # Ends with an exit code of the program's, in the program's words: code, what, fix.
    fail() {
        printf 'error: %s\n  fix: %s\n' "$2" "$3" >&2
        exit "$1"
    }

    has() {
        command -v "$1" >/dev/null 2>&1
    }

    # Whether the script itself is what comes from standard input.
    is_piped() {
        [ "${-#*s}" != "$-" ]
    }

    # Hands a secret over in the environment: flag, value.
    hand_over() {
        case $1 in
        --admin-pass) export ADMIN_PASS="$2" && better='set ADMIN_PASS' id=admin_pass ;;
        --smtp-pass) export STREAMHUB_SMTP_PASS="$2" && better='set STREAMHUB_SMTP_PASS' id=smtp_pass ;;
        *)
            export STREAMHUB_MASTER_TOKEN="$2" && better='pass --master-token-file, or set STREAMHUB_MASTER_TOKEN'
            has_token=1 id=master_token
            ;;
        esac
        # The program still has to know that it was a flag: one of the other role's is refused, a variable is not.
        export STREAMHUB_GIVEN_BY_FLAG="$by_flag$id"
        by_flag=$STREAMHUB_GIVEN_BY_FLAG,
        printf 'warning: everybody on this machine could read what %s was given; better %s\n' "$1" "$better" >&2
    }

    check_root() {
        [ "$(id -u)" = 0 ] || fail 3 'this user may not change the system' \
            'run it as root: curl … | sudo sh -s -- …, or sudo sh install.sh …'
    }

    check_machine() {
        machine=$(uname -m)
        [ "$machine" = x86_64 ] || fail 3 \
            "this machine is $machine; Ubuntu Server 24.04 LTS or 26.04 LTS on x86_64 is supported" \
            'use an x86_64 machine'
    }

    # What a field of /etc/os-release says. The file is read, never run.
    os_field() {
        while IFS='=' read -r key value || [ -n "$key" ]; do
            [ "$key" = "$1" ] || continue
            value=${value%"${value##*[![:space:]]}"}
            case $value in
            \"*\") value=${value#\"} value=${value%\"} ;;
            \'*\') value=${value#\'} value=${value%\'} ;;
            esac
            printf '%s' "$value"
            return
        done </etc/os-release
    }

    check_os() {
        if [ -f /etc/os-release ] && [ -r /etc/os-release ]; then
            case $(os_field ID)-$(os_field VERSION_ID) in
            ubuntu-24.04 | ubuntu-26.04) return ;;
            esac
            found=$(os_field PRETTY_NAME)
        fi
        fail 3 "this is ${found:-a system without a name in /etc/os-release}; Ubuntu Server 24.04 LTS or 26.04 LTS on x86_64 is supported" \
            'use a supported system; to try it all the same: --skip-check os'
    }

    check_tools() {
        has curl || is_gnu_wget || fail 3 'there is neither curl nor GNU wget here to fetch the binary with' \
            'install one: apt-get install curl'
        has sha256sum || has shasum || has openssl || fail 3 \
            'there is no sha256sum, shasum or openssl here to check the binary with' \
            'install one: apt-get install coreutils'
    }

    # Not busybox's, which takes any certificate.
    is_gnu_wget() {
        case $(wget --version 2>/dev/null) in
        'GNU Wget'*) return 0 ;;
        *) return 1 ;;
        esac
    }

    check_base_url() {
        case $base_url in
        https://*) ;;
        *) refuse_base_url 'it is not https' ;;
        esac
        case $base_url in
        https:// | https:///*) refuse_base_url 'it names no host' ;;
        *[!][A-Za-z0-9._~:/%+-]*) refuse_base_url 'it holds more than a host and a path' ;;
        esac
    }

    refuse_base_url() {
        fail 2 "STREAMHUB_INSTALL_BASE_URL can't be used: $1" \
            'it takes an address such as https://media.example.com/releases, where the binary lies'
    }

    # A directory of our own that a program can be run from: /tmp is often mounted noexec.
    make_directory() {
        for parent in /tmp /var/tmp /dev/shm /root /usr/local/bin; do
            # Where everybody may rename it, it is not our own.
            [ -z "$(find -H "$parent" -prune -perm -0002 ! -perm -1000 2>/dev/null)" ] || continue
            # A signal that ends mktemp between its two works would leave the directory behind.
            directory=$(trap '' HUP INT TERM && exec mktemp -d "$parent/streamhub-install.XXXXXXXXXX" 2>/dev/null) || continue
            program=$directory/streamhub-install
            if printf '#!/bin/sh\n' >"$program" && chmod 700 "$program" && "$program"; then
                return
            fi 2>/dev/null
            rm -rf "$directory"
            directory=
        done
        fail 3 'no directory here takes a program that can be run: /tmp, /var/tmp, /dev/shm, /root, /usr/local/bin' \
            'make room there, or mount one of them without noexec: mount -o remount,exec /tmp'
    }

    # Becomes the fetching of an address into a file. `timeout` bounds it in time, the limit on files in size: it
    # counts in blocks of 512 bytes, bash in 1024. No file of a user's own has a say in how.
    fetch() {
        trap '' XFSZ
        ulimit -f 65536 2>/dev/null
        if has curl; then
            exec timeout 300 curl --disable --globoff --silent --show-error --fail --proto =https --tlsv1.2 \
                --location --max-redirs 0 --connect-timeout 10 --retry 3 --retry-connrefused --output "$2" "$1"
        fi
        exec timeout 300 wget --no-config --no-verbose --secure-protocol=TLSv1_2 --max-redirect=0 \
            --timeout=10 --tries=4 --waitretry=2 --retry-connrefused --retry-on-http-error=500,502,503,504 \
            --output-document="$2" "$1"
    }

    digest() {
        if has sha256sum; then
            sha256sum <"$1"
        elif has shasum; then
            shasum -a 256 <"$1"
        else
            openssl dgst -sha256 -r <"$1"
        fi | { read -r sum _ && printf '%s' "$sum"; }
    }

    get_program() {
        url=$base_url/streamhub-install-$version-x86_64
        [ ! -t 2 ] || printf 'streamhub-install %s: fetching it from %s\n' "$version" "$base_url" >&2
        ends_by=TERM
        fetch "$url" "$program" </dev/null >&2 &
        await "$!"
        ends_by=''
        end_if_signalled
        [ "$code" = 0 ] || fail 1 "the binary can't be fetched from $url (exit $code)" \
            'see what is said above; STREAMHUB_INSTALL_BASE_URL names another place that has it'
        found=$(digest "$program")
        [ "$found" = "$sha256" ] && return
        rm -f "$program"
        fail 1 "what $url holds is not the binary that this install.sh belongs to; it was deleted
  caused by: its sha256 is ${found:-unknown}
             expected was  $sha256" \
            'fetch install.sh again and run that; if it says the same, tell who runs that address'
    }

    # What the program reads: never the rest of this script.
    choose_stdin() {
        if ! is_piped && (exec 3<&0) 2>/dev/null; then
            exec 3<&0
        elif is_piped && (exec 3</dev/tty) 2>/dev/null; then
            exec 3</dev/tty
        else
            exec 3</dev/null
        fi
    }

    # Signals are noted, and handed to the child that runs: the program ends between two steps of its own. A child in
    # the background starts deaf to SIGINT, and only the program opens its ears again.
    # shellcheck disable=SC2317 # traps call it
    note() {
        signal=$1
        interrupted=1
        [ -z "$child" ] || kill -s "${ends_by:-$1}" "$child" 2>/dev/null
    }

    end_if_signalled() {
        case $signal in
        INT) exit 130 ;;
        TERM) exit 143 ;;
        HUP) exit 129 ;;
        esac
    }

    # Waits for the end of a child, and sets its exit code. A signal ends a wait, not the child.
    await() {
        child=$1
        code=127
        [ -z "$signal" ] || kill -s "${ends_by:-$signal}" "$child" 2>/dev/null
        while :; do
            interrupted=
            wait "$child"
            # 127 is a child that an earlier wait has told of.
            waited=$?
            [ "$waited" = 127 ] || code=$waited
            [ -n "$interrupted" ] || break
        done
        child=
    }

    # shellcheck disable=SC2317 # a trap calls it
    clean_up() {
        [ -z "$directory" ] || rm -rf "$directory"
    }

    main() {
        set -u
        umask 077
        signal='' interrupted='' child='' ends_by='' directory='' found=''
        needs_root=1 needs_os=1 needs_stdin='' has_token='' has_token_file='' by_flag=''
        skipped=${STREAMHUB_SKIP_CHECK:-}
        [ "${STREAMHUB_SKIP_OS_CHECK:-}" != 1 ] || skipped=$skipped,os
        [ "${STREAMHUB_MASTER_TOKEN_FILE:-}" != - ] || needs_stdin=STREAMHUB_MASTER_TOKEN_FILE
        [ -n "$sha256" ] || fail 1 "this install.sh is the source tree's: no binary belongs to it" \
            'build both with: make dist; then run dist/install.sh'

        # Every argument goes from the front to the end, but the secrets.
        left=$#
        while [ "$left" -gt 0 ]; do
            argument=$1
            shift
            left=$((left - 1))
            name=${argument%%=*}
            value=${argument#*=}
            if [ "$name" = "$argument" ]; then
                value=''
                [ "$left" = 0 ] || value=$1
            fi
            case $name in
            --help | -h | --version | -V) needs_root='' needs_os='' ;;
            --dry-run) needs_root='' ;;
            --skip-check) skipped=$skipped,$value ;;
            --api-token-file) [ "$value" != - ] || needs_stdin=$name ;;
            --master-token-file)
                has_token_file=1
                [ "$value" != - ] || needs_stdin=$name
                ;;
            --master-token | --cluster-token | --admin-pass | --smtp-pass)
                # Where there is no value, the program says so.
                if [ -n "$value" ] && { [ "$name" != "$argument" ] || [ "${value#-}" = "$value" ]; }; then
                    hand_over "$name" "$value"
                    [ "$name" != "$argument" ] || { shift && left=$((left - 1)); }
                    continue
                fi
                ;;
            esac
            set -- "$@" "$argument"
        done
        [ -z "$has_token" ] || [ -z "$has_token_file" ] || fail 2 \
            '--master-token and --master-token-file exclude each other' 'pass --master-token-file alone'
        [ -z "$needs_stdin" ] || ! is_piped || fail 2 "$needs_stdin - reads standard input, and that is this script" \
            'pass the path of a file that holds the token'

        [ -z "$needs_root" ] || check_root
        check_machine
        case $needs_os,$skipped, in
        ,* | *,os,*) ;;
        *) check_os ;;
        esac
        base_url=${STREAMHUB_INSTALL_BASE_URL:-$base_url}
        base_url=${base_url%/}
        check_base_url
        check_tools

        trap clean_up EXIT
        trap 'note INT' INT
        trap 'note TERM' TERM
        trap 'note HUP' HUP
        # Survived, so that it is cleaned up; not ignored, since a child would inherit that.
        trap : PIPE QUIT
        make_directory
        end_if_signalled
        get_program
        end_if_signalled
        choose_stdin
        "$program" "$@" <&3 3<&- &
        await "$!"
        exit "$code"
    }

    main "$@"
}
