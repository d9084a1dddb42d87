"""Which steps a make target needs, in order, once its environment `.venv` exists."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from tools.installation import java, layer, node, python_packages
from tools.installation.steps import Step

TARGETS = ("demo", "test", "docs", "tracking")
# Of Lambda: that of all functions, and that of the one that serves models.
LAYERS = ("layer", "serving")
# Of the function that records runs in MLflow, which few environments have.
TRACKING = "tracking"


def steps(root: Path, target: str, *, hold: int) -> list[Step]:
    """The steps of `target`. Java comes first, so that a machine without it is told at once.

    Args:
        root: the project's folder.
        target: one of TARGETS.
        hold: file descriptor of the installation's lock, inherited by every command.
    """
    tools, locks, packages = root / ".tools", root / "requirements", python_packages.site_packages()
    here = (str(root), str(packages))
    development = _development_packages(root, hold=hold)
    demo = [
        Step(
            stamp=packages / "demo.installed",
            product=packages / "boto3",
            inputs=(locks / "demo.lock",),
            settings=here,
            run=partial(
                python_packages.install, root, locks / "demo.lock", what="Installing Python packages", hold=hold
            ),
        ),
        Step(
            stamp=packages / "commands.installed",
            product=root / ".venv" / "bin" / "line",
            inputs=(root / "pyproject.toml", Path(python_packages.__file__)),
            settings=here,
            run=partial(python_packages.install_project, root),
        ),
        Step(
            stamp=tools / "node.installed",
            product=root / "node_modules" / "aws-cdk" / "bin" / "cdk",
            inputs=(root / "package-lock.json", root / "package.json", root / ".npmrc", locks / "demo.lock"),
            settings=here,
            run=partial(node.install, root, hold=hold, has_cdk=development.is_done),
        ),
        *(_layer(root, name, hold=hold) for name in LAYERS),
    ]
    if target == TRACKING:
        return [*demo, _layer(root, TRACKING, hold=hold)]
    if target == "demo":
        return demo
    if target == "docs":
        packages_of_the_project, commands, node_and_cdk, *_ = demo
        site = _documentation_tools(root, hold=hold)
        return [packages_of_the_project, commands, site, development, node_and_cdk]
    return [
        Step(
            stamp=tools / "java.installed",
            product=tools / "java" / "bin" / "java",
            inputs=(),
            settings=(os.environ.get("JAVA_HOME", ""),),
            run=partial(java.provide, root, locks / "java.lock", hold=hold),
        ),
        demo[0],
        Step(
            stamp=packages / "test.installed",
            product=packages / "pytest",
            inputs=(locks / "demo.lock", locks / "test.lock"),
            settings=here,
            run=partial(
                python_packages.install,
                root,
                locks / "test.lock",
                what="Installing Spark and the test tools",
                hold=hold,
            ),
        ),
        demo[1],
        development,
        *demo[2:],
    ]


def _layer(root: Path, name: str, *, hold: int) -> Step:
    tools, lock = root / ".tools", root / "requirements" / f"{name}.lock"
    return Step(
        stamp=tools / f"{name}.installed",
        product=tools / f"{name}.zip",
        inputs=(lock, Path(layer.__file__)),
        run=partial(layer.build, root, lock, hold=hold),
    )


def _documentation_tools(root: Path, *, hold: int) -> Step:
    lock, packages = root / "requirements" / "docs.lock", python_packages.site_packages()
    return Step(
        stamp=packages / "docs.installed",
        product=packages / "mkdocs",
        inputs=(root / "requirements" / "demo.lock", lock),
        settings=(str(root), str(packages)),
        run=partial(python_packages.install, root, lock, what="Installing the documentation tools", hold=hold),
    )


def _development_packages(root: Path, *, hold: int) -> Step:
    """The judges of machines and policies, and the prose linter."""
    return Step(
        stamp=root / ".tools" / "node-development.installed",
        product=root / "node_modules" / "textlint" / "bin" / "textlint.js",
        inputs=(root / "package-lock.json", root / "package.json", root / ".npmrc"),
        settings=(str(root),),
        run=partial(node.install_development_packages, root, hold=hold),
    )
