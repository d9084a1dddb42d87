"""The Lambda dependency layer holds what the handlers import, for Lambda's Python and system, and fits.

The embedded AWS cannot show this: it serves the layer empty and runs its own Python. So the imports are read from the
source of each handler and of every module of this project that it reaches, and looked up in the layer.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LAYER = ROOT / ".tools" / "layer"
PACKAGES = LAYER / "python"
HANDLERS = sorted((ROOT / "lambdas").glob("*/handler.py"))

# What AWS allows a function and its layers together, unpacked.
MAXIMUM_BYTES = 250 * 1024 * 1024
IN_THE_RUNTIME = {"boto3", "botocore"}
# Folders of this project that are not part of a function's code.
NOT_DEPLOYED = ("assembly_line.cli", "assembly_line.embedded", "stacks", "lines", "glue_jobs", "tests", "tools")
# Imported only where a function of a user's own is called. Plans with one go to Spark, which a test of planning holds.
NEVER_IN_A_LAMBDA = {
    "assembly_line.features.kernel.udf_values": {"pyarrow", "assembly_line.features.values.arrow_columns"}
}
# Modules of Python 3.11 that Lambda's Python 3.14 no longer has and that somebody might still import.
REMOVED = {"asynchat", "asyncore", "cgi", "cgitb", "crypt", "distutils", "imghdr", "imp", "pipes", "telnetlib", "uu"}
LAMBDA_PYTHON = {
    "python_version": "3.14",
    "python_full_version": "3.14.0",
    "sys_platform": "linux",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_system": "Linux",
    "extra": "",
}


def own_file(module: str) -> Path | None:
    """The file of a module of this project, None if it is not one."""
    path = ROOT.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.exists():
            return candidate
    return None


def is_own(module: str) -> bool:
    """Whether the module's name begins with a folder of this project."""
    return (ROOT / module.split(".", maxsplit=1)[0]).is_dir()


@cache
def imports_of(file: Path) -> frozenset[str]:
    """The modules that a file imports anywhere but for type checkers, functions included."""
    return frozenset(_imported(ast.parse(file.read_text()), file))


def _imported(node: ast.AST, file: Path) -> Iterator[str]:
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        for other in node.orelse:
            yield from _imported(other, file)
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = list(file.relative_to(ROOT).parent.parts) if node.level else []
        base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
        yield base
        # What is imported may be a module itself.
        yield from (f"{base}.{alias.name}" for alias in node.names if own_file(f"{base}.{alias.name}"))
    for child in ast.iter_child_nodes(node):
        yield from _imported(child, file)


def reached(handler: Path) -> dict[str, str]:
    """Every module that a handler reaches through this project's code -> the module that imports it."""
    start = ".".join(handler.relative_to(ROOT).with_suffix("").parts)
    found, waiting = {start: "(the handler)"}, [start]
    while waiting:
        module = waiting.pop()
        file = own_file(module)
        if file is None:
            continue
        packages = [module.rsplit(".", level)[0] for level in range(1, module.count(".") + 1)]
        for name in {*imports_of(file), *packages} - NEVER_IN_A_LAMBDA.get(module, set()):
            if name not in found:
                found[name] = module
                waiting.append(name)
    return found


def in_layer(module: str) -> bool:
    """Whether a third-party module can be imported from the layer."""
    path = PACKAGES.joinpath(*module.split("."))
    return path.is_dir() or path.with_suffix(".py").exists() or any(path.parent.glob(f"{path.name}.*.so"))


def test_the_layer_is_installed() -> None:
    assert HANDLERS
    assert PACKAGES.is_dir(), "run tools/install.sh demo"


@pytest.mark.parametrize("handler", HANDLERS, ids=lambda path: path.parent.name)
def test_the_layer_holds_what_the_handler_imports(handler: Path) -> None:
    modules = {name: by for name, by in reached(handler).items() if not is_own(name)}
    third_party = {
        name: by
        for name, by in modules.items()
        if name.split(".")[0] not in IN_THE_RUNTIME | (sys.stdlib_module_names - REMOVED)
    }
    missing = [f"{name} (imported by {by})" for name, by in sorted(third_party.items()) if not in_layer(name)]
    assert missing == [], "not in the layer: import it elsewhere, or add it to the group `layer` in pyproject.toml"


@pytest.mark.parametrize("handler", HANDLERS, ids=lambda path: path.parent.name)
def test_the_handler_reaches_only_code_that_is_deployed_with_it(handler: Path) -> None:
    modules = {name: by for name, by in reached(handler).items() if is_own(name)}
    left_out = [
        f"{name} (imported by {by})"
        for name, by in modules.items()
        if any(name == folder or name.startswith(folder + ".") for folder in NOT_DEPLOYED)
    ]
    assert left_out == []


def test_each_package_in_the_layer_finds_there_what_it_requires() -> None:
    present = {canonicalize_name(path.name.split("-")[0]) for path in PACKAGES.glob("*.dist-info")}
    missing = []
    for metadata in PACKAGES.glob("*.dist-info/METADATA"):
        for line in metadata.read_text().splitlines():
            if not line.startswith("Requires-Dist: "):
                continue
            requirement = Requirement(line.removeprefix("Requires-Dist: "))
            wanted = requirement.marker is None or requirement.marker.evaluate(LAMBDA_PYTHON)
            if wanted and canonicalize_name(requirement.name) not in present | IN_THE_RUNTIME:
                missing.append(f"{requirement.name} for {metadata.parent.name}")
    assert present
    assert missing == []


def test_every_wheel_is_for_lambdas_python_and_system() -> None:
    tags = [
        line.removeprefix("Tag: ")
        for wheel in PACKAGES.glob("*.dist-info/WHEEL")
        for line in wheel.read_text().splitlines()
        if line.startswith("Tag: ")
    ]
    assert tags
    assert [tag for tag in tags if not fits_lambda(tag)] == []


def fits_lambda(tag: str) -> bool:
    """Whether a wheel's tag (`cp314-cp314-manylinux_2_28_x86_64`) installs in Lambda's Python 3.14 on x86_64."""
    python, abi, system = tag.split("-")
    if system == "any":
        return abi == "none"
    return system.startswith("manylinux") and system.endswith("x86_64") and (python == abi == "cp314" or abi == "abi3")


def test_every_binary_is_for_lambdas_python_and_processor() -> None:
    binaries = [path for path in PACKAGES.rglob("*") if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"]
    assert binaries
    for binary in binaries:
        little_endian_machine = binary.read_bytes()[18:20]
        assert little_endian_machine == b"\x3e\x00", f"{binary}: not for x86_64"
        extension = ".cpython-" in binary.name or ".abi3." in binary.name
        bundled = binary.parent.name.endswith(".libs")
        assert extension or bundled, f"{binary}: neither an extension module nor a library that one brings"
        assert ".cpython-" not in binary.name or ".cpython-314-" in binary.name, f"{binary}: for another Python"


def test_the_layer_and_the_code_fit_into_a_lambda() -> None:
    folders = (LAYER, ROOT / "assembly_line", ROOT / "lambdas")
    total = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
    assert total < MAXIMUM_BYTES, f"{total / 1024**2:.0f} MiB"


def test_the_layer_is_the_same_wherever_it_is_built() -> None:
    traces = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
    assert [path for path in LAYER.rglob("*") if path.name in traces or path.suffix == ".pyc"] == []
