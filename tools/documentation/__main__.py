"""`python -m tools.documentation site|pages` builds the site into `site/`, or only the pages made from the code.

The site is built strictly, and the links of the built pages are checked. Neither needs a network.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.documentation.links import problems
from tools.documentation.reference import write_docstrings, write_reference

ROOT = Path(__file__).parents[2]
SITE = ROOT / "site"
# The theme fetches this from another host, so that search works without a server. npm brings the same file.
FETCHED_SHIM = "https://unpkg.com/iframe-worker/shim"
SHIM = ROOT / "node_modules" / "iframe-worker" / "shim" / "index.js"
PLACE_OF_SHIM = "assets/javascripts/iframe-worker.js"


def main(arguments: list[str]) -> int:
    """Build and check; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.documentation")
    parser.add_argument("what", choices=("site", "pages"))
    what = parser.parse_args(arguments).what
    write_reference(ROOT / "docs")
    write_docstrings(ROOT / ".tools" / "docstrings.md")
    return _site() if what == "site" else 0


def _site() -> int:
    # Not `--quiet`: what it does not say, it does not count as a warning either.
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--clean", "--site-dir", str(SITE)]
    # The theme's makers advertise their next product on every build.
    variables = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(build, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    if built.returncode:
        print(built.stdout, built.stderr, sep="", file=sys.stderr)
        return built.returncode
    _bring_the_shim()
    found = problems(SITE)
    for problem in found:
        print(problem, file=sys.stderr)
    if not found:
        print(f"Open {SITE / 'index.html'} in your browser. It needs no server and no network.")
    return 1 if found else 0


def _bring_the_shim() -> None:
    shutil.copyfile(SHIM, SITE / PLACE_OF_SHIM)
    for page in SITE.rglob("*.html"):
        place = os.path.relpath(SITE / PLACE_OF_SHIM, page.parent)
        page.write_text(page.read_text(encoding="utf-8").replace(FETCHED_SHIM, place), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
