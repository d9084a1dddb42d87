"""A package offers what its list names, loads it late, and hides the rest."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

PROJECT = Path(__file__).parents[3]
PACKAGES = sorted(
    ".".join(path.relative_to(PROJECT).parent.parts) for path in (PROJECT / "assembly_line").rglob("__init__.pyi")
)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_that_a_package_offers_can_be_loaded(package: str) -> None:
    module = import_module(package)

    assert module.__all__
    assert dir(module) == module.__all__
    for name in module.__all__:
        assert getattr(module, name) is not None


@pytest.mark.parametrize("package", PACKAGES)
def test_no_offered_name_is_that_of_a_module_which_would_hide_it(package: str) -> None:
    module = import_module(package)

    assert not set(module.__all__) & {found.name for found in iter_modules(module.__path__)}


def test_a_name_that_is_not_offered_is_refused_with_the_place_to_look() -> None:
    features = import_module("assembly_line.features")

    with pytest.raises(AttributeError, match=r"assembly_line.features offers no 'no_such'; its __init__.pyi lists"):
        _ = features.no_such


def test_a_face_loads_the_module_of_the_asked_name_alone_also_from_a_zip_archive(tmp_path: Path) -> None:
    package = tmp_path / "library.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.write(PROJECT / "assembly_line" / "faces.py", "assembly_line/faces.py")
        archive.writestr("assembly_line/__init__.py", "")
        init = "from assembly_line.faces import face\n__getattr__, __dir__, __all__ = face(__name__)\n"
        archive.writestr("assembly_line/station/__init__.py", init)
        offers = "from .one import first as first\nfrom .two import second as second\n"
        archive.writestr("assembly_line/station/__init__.pyi", offers)
        archive.writestr("assembly_line/station/one.py", "first = 1\n")
        archive.writestr("assembly_line/station/two.py", "second = 2\n")
    program = (
        "import sys\nfrom assembly_line.station import second\n"
        "print(second, 'assembly_line.station.one' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(package)!r})\n{program}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout.split() == ["2", "False"]


SERVED = {
    package: {
        name
        for home, name in re.findall(
            r"^from \.([\w.]+) import (\w+) as",
            (PROJECT / package.replace(".", "/") / "__init__.pyi").read_text(),
            re.M,
        )
        if home.startswith("service")
    }
    for package in PACKAGES
}


def services_used(file: Path) -> list[str]:
    """Names of services that a module imports from faces, where no import contract can see them."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name in SERVED.get(node.module or "", set())
    ]


def test_only_services_and_those_above_them_use_services() -> None:
    library = PROJECT / "assembly_line"
    above = {library / name for name in ("cli", "effects", "proof", "doctor", "removal")}
    below = [
        file
        for file in sorted(library.rglob("*.py"))
        if not above & set(file.parents) and "service" not in file.relative_to(library).parts
    ]

    assert any(SERVED.values())
    assert {str(file): used for file in below if (used := services_used(file))} == {}
