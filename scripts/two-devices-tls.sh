#!/bin/sh
# Two devices in step through a server over TLS. The server makes a certificate of its own; each device is linked with
# its fingerprint, as a person reads it on the server, and believes this certificate alone from then on.
#
#   scripts/two-devices-tls.sh [DIRECTORY]
#
# Everything is kept in DIRECTORY (default: a new temporary one, removed at the end). DRIFTLESS_BIN names the program
# (default: target/release/driftless, else target/debug/driftless), PORT the server's port (default: 7440).
#
# Between machines it is the same, with `--listen 0.0.0.0:7440` (TLS is then on by itself) and the server's address.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${DRIFTLESS_BIN:-}" ]; then
    DRIFTLESS_BIN=$here/target/release/driftless
    [ -x "$DRIFTLESS_BIN" ] || DRIFTLESS_BIN=$here/target/debug/driftless
fi
[ -x "$DRIFTLESS_BIN" ] || { echo "build the program first: cargo build --release" >&2; exit 1; }
driftless() { "$DRIFTLESS_BIN" "$@"; }

if [ $# -gt 0 ]; then
    place=$1 keep=yes
    mkdir -p "$place"
else
    place=$(mktemp -d) keep=no
fi
port=${PORT:-7440}
started=

# Daemons start in the background by their path, not through the function: `$!` must be the program itself.
finish() {
    for pid in $started; do kill "$pid" 2>/dev/null || true; done
    for pid in $started; do wait "$pid" 2>/dev/null || true; done
    [ "$keep" = yes ] || rm -rf "$place"
}
trap finish EXIT
trap 'exit 130' INT TERM

cd "$place"
mkdir -p DIR-A DIR-B
printf 'correct horse battery staple\n' > pw
printf 'from the laptop\n' > DIR-A/letter.txt

driftless admin init --data D --user alice --password-stdin < pw
"$DRIFTLESS_BIN" serve --data D --listen "127.0.0.1:$port" --tls self-signed > server.out & started="$started $!"
driftless admin folder add docs --data D
driftless admin folder grant docs alice write --data D

# What the server says once it has started, and `driftless admin status` whenever it is asked.
fingerprint= tries=0
until [ -n "$fingerprint" ]; do
    fingerprint=$(sed -n 's/^certificate fingerprint (SHA-256): //p' server.out)
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || { echo "the server does not start" >&2; exit 1; }
    [ -n "$fingerprint" ] || sleep 0.1
done
driftless admin status --data D | grep -F "$fingerprint"
echo "the server's certificate is $fingerprint"

export DRIFTLESS_HOME=A
if driftless link "https://127.0.0.1:$port" --user alice --password-stdin --device laptop < pw; then
    echo "a certificate that nobody vouches for was believed" >&2
    exit 1
fi
driftless link "https://127.0.0.1:$port" --fingerprint "$fingerprint" --user alice --password-stdin --device laptop < pw
driftless sync docs DIR-A
"$DRIFTLESS_BIN" daemon & started="$started $!"
driftless wait --timeout 60

export DRIFTLESS_HOME=B
driftless link "https://127.0.0.1:$port" --fingerprint "$fingerprint" --user alice --password-stdin --device desktop < pw
driftless sync docs DIR-B
"$DRIFTLESS_BIN" daemon & started="$started $!"
driftless wait --timeout 60

same() { diff --recursive --no-dereference --exclude=.driftless DIR-A DIR-B; }
same
[ "$(cat DIR-B/letter.txt)" = 'from the laptop' ]
echo "the laptop's files are on the desktop"

printf 'from the desktop\n' > DIR-B/answer.txt
DRIFTLESS_HOME=B driftless wait --timeout 60
DRIFTLESS_HOME=A driftless wait --timeout 60
same
[ -f DIR-A/answer.txt ]
echo "the desktop's changes are on the laptop"
