"""The lock files: every package exact and by its digest, none by an address, in step with what pyproject.toml asks."""

from __future__ import annotations

import json
import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS: dict[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]
GROUPS: dict[str, list[str]] = PYPROJECT["dependency-groups"]
DEMO = (
    PYPROJECT["project"]["dependencies"]
    + EXTRAS["infrastructure"]
    + EXTRAS["embedded"]
    + EXTRAS["demo"]
    + EXTRAS["plots"]
)
ASKED = {
    "demo": DEMO,
    "test": DEMO + EXTRAS["spark"] + GROUPS["test"],
    "layer": GROUPS["layer"],
    "serving": GROUPS["serving"],
    "tracking": GROUPS["tracking"],
    "java": GROUPS["java"],
    "bench": GROUPS["bench"],
    "feast": GROUPS["feast"],
    "docs": GROUPS["docs"],
}


def entries(lock: Path) -> list[str]:
    """The requirements of a lock file, each with its digests, on one line."""
    text = lock.read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def versions(name: str) -> dict[str, str]:
    """Package -> locked version."""
    locked: dict[str, str] = {}
    for entry in entries(ROOT / "requirements" / f"{name}.lock"):
        requirement = Requirement(entry.split("--hash")[0])
        (specifier,) = requirement.specifier
        locked[canonicalize_name(requirement.name)] = specifier.version
    return locked


def test_there_is_a_lock_for_everything_that_is_installed() -> None:
    assert {lock.stem for lock in LOCKS} == set(ASKED)


@pytest.mark.parametrize("path", [*LOCKS, ROOT / "package-lock.json"], ids=lambda path: path.name)
def test_no_lock_file_holds_an_address(path: Path) -> None:
    assert "://" not in path.read_text()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_every_package_is_pinned_by_version_and_digest(lock: Path) -> None:
    loose = [entry for entry in entries(lock) if not re.match(r"\S+==\S+ .*--hash=sha256:[0-9a-f]{64}", entry)]
    assert entries(lock)
    assert loose == []


@pytest.mark.parametrize("name", sorted(ASKED))
def test_the_lock_satisfies_what_pyproject_asks(name: str) -> None:
    locked = versions(name)
    for text in ASKED[name]:
        requirement = Requirement(text)
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{text} is not in {name}.lock: run `make lock`"
        assert requirement.specifier.contains(version), f"{name}.lock has {version} of {text}: run `make lock`"


def test_the_tests_run_on_the_versions_of_the_demo() -> None:
    assert versions("demo").items() <= versions("test").items()


def test_lambda_gets_the_versions_of_the_demo() -> None:
    assert versions("layer").items() <= versions("demo").items()


def test_the_site_is_built_with_the_versions_of_the_tests() -> None:
    """Both are installed into one environment: what they share must not differ."""
    shared = versions("docs").keys() & versions("test").keys()
    assert shared
    assert {name: versions("docs")[name] for name in shared} == {name: versions("test")[name] for name in shared}


def test_the_demo_installs_neither_spark_nor_the_sagemaker_sdk() -> None:
    assert versions("demo").keys().isdisjoint({"pyspark", "sagemaker", "sagemaker-core", "install-jdk"})
    assert versions("test").keys().isdisjoint({"sagemaker", "sagemaker-core"})


@pytest.mark.parametrize("kind", ["dependencies", "devDependencies"])
def test_every_package_of_npm_is_pinned_by_version_and_digest(kind: str) -> None:
    asked = json.loads((ROOT / "package.json").read_text())[kind]
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert locked[""][kind] == asked
    for place, package in locked.items():
        if place:
            assert package["integrity"].startswith("sha512-"), place
    assert {name: locked[f"node_modules/{name}"]["version"] for name in asked} == asked


def test_the_demo_installs_the_cdk_command_line_alone() -> None:
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert [place for place, package in locked.items() if place and not package.get("dev")] == ["node_modules/aws-cdk"]


def test_each_dependency_says_why_it_is_there() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    asked = {text for texts in [*ASKED.values(), *EXTRAS.values()] for text in texts} - set(GROUPS["layer"])
    unexplained = [
        line.strip()
        for before, line in pairwise(lines)
        if line.strip().strip('",') in asked and not before.strip().startswith("#")
    ]
    assert unexplained == []
