"""The packages that a release carries as wheels: `requirements.txt` of a line's folder, and what its container reads.

An isolated container reaches no index. So the wheels travel beside the scripts, in `wheels/`, and pip finds them there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assembly_line.errors import DeclarationError

REQUIREMENTS, WHEELS = "requirements.txt", "wheels"
# Beside the model, in a function's disk of 512 MiB that has packed and unpacked it.
MOST_BYTES = 50 * 1024 * 1024
FORM = "name==version --hash=sha256:<64 hexadecimal digits>"
LINE = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)==(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)"
    r"(?:\s+--hash=sha256:(?P<digest>[0-9a-f]{64}))?",
    re.ASCII,
)
CONTINUED = re.compile(r"\\\r?\n")
COMMENT = re.compile(r"(^|\s)#.*$")


@dataclass(frozen=True, slots=True)
class Package:
    """One package. `digest` is the SHA-256 of its wheel, in hexadecimal; None until `line pin` has written it."""

    name: str
    version: str
    digest: str | None

    @property
    def key(self) -> tuple[str, str]:
        """What names it among wheels: an index does not distinguish `a.b`, `A_B` and `a-b`."""
        return normalised(self.name), self.version

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"

    @property
    def pinned(self) -> str:
        """The line of `requirements.txt`."""
        return str(self) if self.digest is None else f"{self} --hash=sha256:{self.digest}"


def normalised(name: str) -> str:
    """Source: PyPA, "Names and normalization"."""
    return re.sub(r"[-_.]+", "-", name).lower()


def packages_of(scripts: Mapping[str, bytes], place: str) -> tuple[Package, ...]:
    """The packages of a release's scripts, in the order of the file; none without a `requirements.txt`.

    Raises:
        DeclarationError: a line names no exact version, more than that, or a package that another one names.
    """
    if REQUIREMENTS not in scripts:
        return ()
    found: dict[str, Package] = {}
    text = CONTINUED.sub(" ", scripts[REQUIREMENTS].decode("utf-8", errors="replace"))
    for number, line in enumerate(text.splitlines(), start=1):
        written = COMMENT.sub("", line).strip()
        if not written:
            continue
        where = f"{place}: {REQUIREMENTS}: requirement {number}"
        read = LINE.fullmatch(written)
        if read is None:
            raise DeclarationError.about(where, repr(written), FORM, "`line pin` writes the hash of the wheel")
        package = Package(read["name"], read["version"], read["digest"])
        if package.key[0] in found:
            raise DeclarationError.about(where, repr(written), f"{package.name} once")
        found[package.key[0]] = package
    return tuple(found.values())


def written(text: str, packages: Iterable[Package]) -> str:
    """A `requirements.txt` with the hashes of these packages; comments and blank lines stay."""
    by_key = {package.key: package for package in packages}
    lines = []
    for line in CONTINUED.sub(" ", text).splitlines():
        comment = COMMENT.search(line)
        read = LINE.fullmatch(COMMENT.sub("", line).strip())
        if read is not None:
            package = Package(read["name"], read["version"], None)
            line = by_key[package.key].pinned + (f"  {comment[0].strip()}" if comment else "")  # noqa: PLW2901
        lines.append(line)
    return "\n".join([*lines, ""])


def for_container(packages: Iterable[Package]) -> bytes:
    """`requirements.txt` as pip reads it in a container: from the wheels beside it alone.

    Without the hashes: pip would then ask for the one of the script folder, which is installed by the same command.
    """
    return "\n".join(["--no-index", f"--find-links {WHEELS}", *map(str, packages), ""]).encode()
