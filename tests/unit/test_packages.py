"""The requirements of a release: exact versions with the hash of a wheel each, and what a container's pip reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly_line.errors import DeclarationError
from assembly_line.loader import load_line
from assembly_line.packages import Package, for_container, packages_of, written
from assembly_line.release import Release, release_from_json

LINES = Path(__file__).parents[2] / "lines"
HASH = "0123456789abcdef" * 4


def read(text: str) -> tuple[Package, ...]:
    return packages_of({"requirements.txt": text.encode()}, "Line restock")


def test_packages_are_read_with_comments_and_lines_that_go_on() -> None:
    text = f"# reads ONNX\n\nonnx==1.17.0 \\\n    --hash=sha256:{HASH}\nmy.Pack_age==2.0rc1+cpu  # why\n"

    assert read(text) == (Package("onnx", "1.17.0", HASH), Package("my.Pack_age", "2.0rc1+cpu", None))
    assert packages_of({}, "Line restock") == ()


@pytest.mark.parametrize(
    "line",
    [
        "onnx",
        "onnx>=1.17.0",
        "onnx==1.*",
        "onnx[reference]==1.17.0",
        "onnx==1.17.0; python_version < '3.13'",
        "onnx @ file:///tmp/onnx.whl",
        "--index-url https://example.org/simple",
        "./onnx.whl",
        f"onnx==1.17.0 --hash=sha256:{HASH[:-1]}",
        f"onnx==1.17.0 --hash=sha256:{HASH} --hash=sha256:{HASH}",
        f"onnx==1.17.0 --hash=md5:{HASH}",
    ],
)
def test_anything_but_one_exact_version_is_refused_with_place_value_and_expectation(line: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        read(f"skl2onnx==1.20.0\n{line}\n")

    assert refused.value.where == "Line restock: requirements.txt: requirement 2"
    assert refused.value.value == repr(line)
    assert refused.value.expected == "name==version --hash=sha256:<64 hexadecimal digits>"


def test_a_package_is_named_once_however_it_is_spelt() -> None:
    with pytest.raises(DeclarationError, match=r"'My_Pack\.age==2': expected My_Pack\.age once"):
        read("my-pack-age==1\nMy_Pack.age==2\n")


NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
PACKAGES = st.lists(
    st.builds(Package, NAMES, st.from_regex(r"[0-9]\.[0-9]{1,2}", fullmatch=True), st.sampled_from([HASH, "f" * 64])),
    max_size=6,
    unique_by=lambda package: package.name,
)


@given(PACKAGES, st.booleans())
def test_hashes_that_are_written_are_read_again(packages: list[Package], said: bool) -> None:
    unpinned = "".join(f"{package}{'  # why' if said else ''}\n# {package.name}\n\n" for package in packages)

    text = written(unpinned, packages)

    assert read(text) == tuple(packages)
    assert text.count("#") == unpinned.count("#")
    assert written(text, packages) == text


def test_a_containers_pip_sees_the_wheels_alone() -> None:
    assert for_container(read(f"a==1 --hash=sha256:{HASH}\nb==2\n")) == b"--no-index\n--find-links wheels\na==1\nb==2\n"


def test_a_release_takes_its_requirements_along(tmp_path: Path) -> None:
    shipped = load_line(LINES, "coupon_redemption")
    line = replace(shipped.line, training=replace(shipped.line.training, python="3.12"))
    scripts = {**shipped.scripts, "requirements.txt": f"a==1 --hash=sha256:{HASH}".encode()}

    release = Release(line, scripts)

    assert release.packages == (Package("a", "1", HASH),)
    assert release_from_json(release.to_json(), scripts) == release
    other = {**scripts, "requirements.txt": f"a==1 --hash=sha256:{'f' * 64}".encode()}
    assert Release(line, other).digest != release.digest


def test_a_release_with_packages_says_the_python_of_its_image() -> None:
    shipped = load_line(LINES, "coupon_redemption")

    with pytest.raises(DeclarationError, match=r"declare Training\(python='3\.12'\)") as refused:
        Release(shipped.line, {**shipped.scripts, "requirements.txt": b"a==1"})
    assert refused.value.where == "Training.python"
    older = replace(shipped.line.training, framework_version="3.0-5")
    assert Release(replace(shipped.line, training=older), {**shipped.scripts, "requirements.txt": b"a==1"}).python == (
        "3.10"
    )
