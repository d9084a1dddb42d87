#!/bin/sh
# Resolves pyproject.toml and package.json into the lock files: every file by its digest, none by its address.
# For maintainers: it needs uv, which no other target uses. `make lock UPGRADE=1` takes newer releases.
set -eu
cd "$(dirname "$0")/.."

uv="${UV:-}"
[ -n "$uv" ] || uv="$(command -v uv || echo .venv/bin/uv)"
if ! "$uv" --version >/dev/null 2>&1; then
    echo "make lock needs uv, which was not found. Install it: .venv/bin/python -m pip install uv" >&2
    exit 1
fi

upgrade=""
[ -z "${UPGRADE:-}" ] || upgrade="--upgrade"

compile() {
    output="$1"
    shift
    echo "Resolving $output"
    # shellcheck disable=SC2086  # an empty $upgrade must vanish
    "$uv" pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links $upgrade \
        --custom-compile-command "make lock" --output-file "$output" "$@"
}

everywhere="--universal --python-version 3.11"
demo="--extra infrastructure --extra embedded --extra demo --extra plots"
# Lambda's Python and system. The versions are those of the demo, so that what is tested here runs there.
in_lambda="--python-version 3.14 --python-platform x86_64-manylinux_2_28 --constraints requirements/demo.lock"

# shellcheck disable=SC2086  # these are lists of options
{
    compile requirements/demo.lock $everywhere $demo pyproject.toml
    compile requirements/test.lock $everywhere $demo --extra spark --group test --constraints requirements/demo.lock pyproject.toml
    compile requirements/java.lock $everywhere --group java
    compile requirements/layer.lock $in_lambda --group layer
    compile requirements/serving.lock $in_lambda --group serving
    compile requirements/tracking.lock $in_lambda --constraints requirements/test.lock --group tracking
    compile requirements/bench.lock $everywhere --group bench
    compile requirements/feast.lock $everywhere --group feast
    compile requirements/docs.lock $everywhere --group docs --constraints requirements/test.lock
}

echo "Resolving package-lock.json"
PATH="$PWD/.tools/bin:$PATH" npm install --package-lock-only --ignore-scripts --silent
# npm copies where a package asks for money into the lock: an address that nothing is fetched from.
.venv/bin/python - <<'PYTHON'
import json, pathlib

path = pathlib.Path("package-lock.json")
lock = json.loads(path.read_text())
for package in lock["packages"].values():
    package.pop("funding", None)
path.write_text(json.dumps(lock, indent=2) + "\n")
PYTHON
