#!/bin/sh
# Two devices in step through a server, each command following the one before at once.
#
#   scripts/two-devices.sh [DIRECTORY]
#
# Everything is kept in DIRECTORY (default: a new temporary one, removed at the end). DRIFTLESS_BIN names the program
# (default: target/release/driftless, else target/debug/driftless), PORT the server's port (default: 7440).
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
mkdir -p DIR-A/photos/2026
printf '#!/bin/sh\necho hello\n' > DIR-A/photos/show.sh
chmod +x DIR-A/photos/show.sh
ln -s ../letter.txt DIR-A/photos/link

driftless admin init --data D --user alice --password-stdin < pw
"$DRIFTLESS_BIN" serve --data D --listen "127.0.0.1:$port" & started="$started $!"
driftless admin folder add docs --data D
driftless admin folder grant docs alice write --data D

export DRIFTLESS_HOME=A
driftless link "http://127.0.0.1:$port" --user alice --password-stdin --device laptop < pw
driftless sync docs DIR-A
"$DRIFTLESS_BIN" daemon & started="$started $!"
driftless wait --timeout 60

export DRIFTLESS_HOME=B
driftless link "http://127.0.0.1:$port" --user alice --password-stdin --device desktop < pw
driftless sync docs DIR-B
"$DRIFTLESS_BIN" daemon & started="$started $!"
driftless wait --timeout 60

same() { diff --recursive --no-dereference --exclude=.driftless DIR-A DIR-B; }
same
[ -x DIR-B/photos/show.sh ] || { echo "the executable bit was lost" >&2; exit 1; }
[ "$(readlink DIR-B/photos/link)" = ../letter.txt ] || { echo "the link's target was lost" >&2; exit 1; }
echo "the laptop's files are on the desktop"

printf 'from the desktop\n' > DIR-B/answer.txt
mv DIR-B/photos DIR-B/pictures
DRIFTLESS_HOME=B driftless wait --timeout 60
DRIFTLESS_HOME=A driftless wait --timeout 60
same
[ -f DIR-A/answer.txt ] && [ -d DIR-A/pictures/2026 ] && [ ! -e DIR-A/photos ]
echo "the desktop's changes are on the laptop"
