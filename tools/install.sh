#!/bin/sh
# Installs into this folder what a make target needs: tools/install.sh demo|test|docs|tracking
# Needs no more than a POSIX shell; finds a Python that can do the rest, in tools/installation/.
set -eu
cd "$(dirname "$0")/.."
unset PYTHONHOME PYTHONPATH

if [ -x .venv/bin/python ] && .venv/bin/python -E -B -m tools.installation --check "$1" 2>/dev/null; then
    exit 0
fi

is_new_enough() { "$1" -E -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
can_make_environments() { "$1" -E -c 'import ensurepip, venv' >/dev/null 2>&1; }

incomplete=""
for python in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}; do
    is_new_enough "$python" || continue
    if can_make_environments "$python"; then
        exec "$python" -E -B -m tools.installation "$1"
    fi
    incomplete="$python"
done

if [ -n "$incomplete" ]; then
    version="$("$incomplete" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')"
    echo "$incomplete cannot make virtual environments: its modules venv and ensurepip are missing." >&2
    echo "Install them (on Debian and Ubuntu: apt-get install $version-venv), then run the same command again." >&2
else
    echo "Python 3.11 or newer is needed; tried: ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}." >&2
    echo "Install one (on Debian and Ubuntu: apt-get install python3 python3-venv), or name yours: make PYTHON=/path/to/python3 ..." >&2
fi
exit 1
