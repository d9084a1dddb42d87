"""The Lambda dependency layer holds what the handlers import, for Lambda's Python and system, and fits.

The embedded AWS cannot show this: it serves the layer empty and runs its own Python. So the imports are read from the
source of each handler and of every module of this project that it reaches, and looked up in the layer.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from assembly_line.training.frameworks import FRAMEWORKS

ROOT = Path(__file__).resolve().parents[2]
LAYER = ROOT / ".tools" / "layer"
PACKAGES = LAYER / "python"
# Of the function that serves models, in place of that of all others.
SERVING = ROOT / ".tools" / "serving"
# Of the function that records runs, which few environments have: no target of the tests fetches it.
TRACKING_LOCK = ROOT / "requirements" / "tracking.lock"
HANDLERS = sorted((ROOT / "lambdas").glob("*/handler.py"))
OF_THE_LAYER = [path for path in HANDLERS if path.parent.name != "tracking"]

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


@pytest.fixture(params=[LAYER, SERVING], ids=lambda path: path.name)
def layer(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


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


def test_the_layer_is_installed(layer: Path) -> None:
    assert HANDLERS
    assert (layer / "python").is_dir(), "run tools/install.sh demo"


@pytest.mark.parametrize("handler", OF_THE_LAYER, ids=lambda path: path.parent.name)
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


def test_each_package_in_the_layer_finds_there_what_it_requires(layer: Path) -> None:
    packages = layer / "python"
    present = {canonicalize_name(path.name.split("-")[0]) for path in packages.glob("*.dist-info")}
    missing = []
    for metadata in packages.glob("*.dist-info/METADATA"):
        for line in metadata.read_text().splitlines():
            if not line.startswith("Requires-Dist: "):
                continue
            requirement = Requirement(line.removeprefix("Requires-Dist: "))
            wanted = requirement.marker is None or requirement.marker.evaluate(LAMBDA_PYTHON)
            if wanted and canonicalize_name(requirement.name) not in present | IN_THE_RUNTIME:
                missing.append(f"{requirement.name} for {metadata.parent.name}")
    assert present
    assert missing == []


def test_every_wheel_is_for_lambdas_python_and_system(layer: Path) -> None:
    tags = [
        line.removeprefix("Tag: ")
        for wheel in (layer / "python").glob("*.dist-info/WHEEL")
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
    return (
        system.startswith("manylinux")
        and system.endswith("x86_64")
        and (python == abi == "cp314" or abi in ("abi3", "none"))
    )


def test_every_binary_is_for_lambdas_python_and_processor(layer: Path) -> None:
    binaries = [
        path for path in (layer / "python").rglob("*") if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"
    ]
    assert binaries
    for binary in binaries:
        little_endian_machine = binary.read_bytes()[18:20]
        assert little_endian_machine == b"\x3e\x00", f"{binary}: not for x86_64"
        extension = ".cpython-" in binary.name or ".abi3." in binary.name
        # XGBoost loads its own by itself.
        bundled = binary.parent.name.endswith(".libs") or binary.name == "libxgboost.so"
        assert extension or bundled, f"{binary}: neither an extension module nor a library that one brings"
        assert ".cpython-" not in binary.name or ".cpython-314-" in binary.name, f"{binary}: for another Python"


def test_the_layer_and_the_code_fit_into_a_lambda(layer: Path) -> None:
    folders = (layer, ROOT / "assembly_line", ROOT / "lambdas")
    total = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
    assert total < MAXIMUM_BYTES, f"{total / 1024**2:.0f} MiB"


def test_the_serving_layer_has_the_version_that_the_plan_tells() -> None:
    (xgboost,) = (SERVING / "python").glob("xgboost_cpu-*.dist-info")
    assert xgboost.name.split("-")[1].startswith(f"{FRAMEWORKS['xgboost'].in_functions}.")


def test_the_handler_that_serves_models_needs_no_package_of_the_other_layer() -> None:
    """The static view above knows one layer; this one runs the handler's imports."""
    program = "import sys, lambdas.serving.handler as h, assembly_line.training as t, assembly_line.storage as s\n"
    program += "t.ModelProcess, t.framework_of, s.ObjectStore\nprint(*{name.split('.')[0] for name in sys.modules})"
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(answer.stdout.split())
    assert "lambdas" in loaded
    of_the_other = {path.name for path in PACKAGES.iterdir() if path.is_dir() and "." not in path.name}
    # The runtime brings jmespath with boto3.
    assert loaded & of_the_other <= {"numpy", "jmespath"}


def test_the_handler_that_records_runs_needs_no_package_beside_its_own() -> None:
    program = "import sys, lambdas.tracking.handler as h, assembly_line.training as t, assembly_line.storage as s\n"
    program += "t.tracked_run, t.packet_page, s.Parameters, s.paid_seconds, s.runs\n"
    program += "h.MlflowRuns('http://127.0.0.1:9')\nprint(*{name.split('.')[0] for name in sys.modules})"
    allowed = {"PATH": "", "MLFLOW_ALLOW_FILE_STORE": "true"}
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=allowed, capture_output=True, text=True, check=True
    )
    loaded = set(answer.stdout.split())
    assert {"lambdas", "mlflow"} <= loaded
    of_the_layer = {path.name for path in PACKAGES.iterdir() if path.is_dir() and "." not in path.name}
    packed = {canonicalize_name(line.partition("==")[0]) for line in TRACKING_LOCK.read_text().splitlines()}
    assert [
        name for name in loaded & of_the_layer if canonicalize_name(name) not in packed | {"aws-lambda-powertools"}
    ] == []


def test_the_layer_is_the_same_wherever_it_is_built(layer: Path) -> None:
    traces = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
    assert [path for path in layer.rglob("*") if path.name in traces or path.suffix == ".pyc"] == []
