"""A release: a line as it runs, resolved to JSON, with its scripts, named by its digest."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assembly_line.canonical import digest, digest_bytes
from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.declarations.images import python_of
from assembly_line.declarations.lines import Line
from assembly_line.declarations.udfs import UdfFeature
from assembly_line.errors import DeclarationError, NotFound, RequestRefused
from assembly_line.names import BUILD_BACKEND
from assembly_line.packages import REQUIREMENTS, Package, packages_of

SCHEMA = "assembly-line/release"
VERSION = 1
RESERVED = frozenset({f"{BUILD_BACKEND}.py", "setup.py"})


@dataclass(frozen=True, slots=True)
class Release:
    """A line with its scripts (file name -> bytes). Equal content gives an equal digest, on every machine."""

    line: Line
    scripts: Mapping[str, bytes]

    def __post_init__(self) -> None:
        own = [feature for feature in self.line.features.values() if isinstance(feature, UdfFeature)]
        for script in (self.line.training.script, self.line.training.inference, *(one.script for one in own)):
            if script not in self.scripts:
                raise DeclarationError(
                    f"Line {self.line.name}: script {script!r} is not in its folder; "
                    f"it has {', '.join(sorted(self.scripts)) or 'no scripts'}",
                    where=f"Line {self.line.name}: script",
                    value=repr(script),
                    expected=f"a script of its folder: {', '.join(sorted(self.scripts)) or 'it has none'}",
                )

        for script in RESERVED & set(self.scripts):
            raise DeclarationError(
                f"Line {self.line.name}: script {script!r}: the container's tools write a file of this name beside the "
                "scripts; give yours another name",
                where=f"Line {self.line.name}: script",
                value=repr(script),
                expected="a name that the container's tools do not use",
            )
        for feature in own:
            _check_function(f"Line {self.line.name}: {feature.script}", self.scripts[feature.script], feature.function)
        if self.packages and self.python is None:
            raise DeclarationError(
                f"Line {self.line.name}: {REQUIREMENTS}: nobody knows the Python of the image, for which wheels are "
                "fetched; declare Training(python='3.12')",
                where="Training.python",
                value="None",
                expected="the Python of the image, such as '3.12'",
            )

    @property
    def packages(self) -> tuple[Package, ...]:
        """What the release carries as wheels."""
        return packages_of(self.scripts, f"Line {self.line.name}")

    @property
    def python(self) -> str | None:
        """The Python of its image, as far as it is known."""
        return python_of(self.line.training)

    @property
    def script_digests(self) -> dict[str, str]:
        """Script -> digest of its content."""
        return {name: digest_bytes(content) for name, content in sorted(self.scripts.items())}

    @property
    def digest(self) -> str:
        return digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The release document; scripts appear by digest, their content lies beside it."""
        return {"schema": SCHEMA, "version": VERSION, "scripts": self.script_digests, **line_to_json(self.line)}


def release_from_json(document: Mapping[str, Any], scripts: Mapping[str, bytes]) -> Release:
    """Read a release back.

    Raises:
        NotFound: a script is missing or its content is not the one that was released.
        RequestRefused: the document is of another schema or version.
    """
    if (document.get("schema"), document.get("version")) != (SCHEMA, VERSION):
        raise RequestRefused(
            f"release: schema {document.get('schema')!r} version {document.get('version')!r}; "
            f"expected {SCHEMA} version {VERSION}; publish the line again with `line release`"
        )
    for name, expected in document["scripts"].items():
        if name not in scripts or digest_bytes(scripts[name]) != expected:
            raise NotFound(f"release: script {name} is missing or altered; publish the line again with `line release`")
    return Release(line_from_json(document), {name: scripts[name] for name in document["scripts"]})


def _check_function(place: str, script: bytes, function: str) -> None:
    """Refuse a script that defines no such function. It is read, not run."""
    try:
        defined = [node.name for node in ast.parse(script).body if isinstance(node, ast.FunctionDef)]
    except (SyntaxError, ValueError) as error:
        raise DeclarationError(
            f"{place}: is not Python: {error}", where=place, value=str(error), expected="Python"
        ) from error
    if function not in defined:
        raise DeclarationError(
            f"{place}: defines no function {function!r}; it defines {', '.join(defined) or 'none'}",
            where=place,
            value=repr(function),
            expected=f"one of {', '.join(defined) or 'none'}",
        )
