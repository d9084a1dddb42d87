"""A release: a line as it runs, resolved to JSON, with its scripts, named by its digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assembly_line.canonical import digest, digest_bytes
from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.declarations.lines import Line
from assembly_line.errors import DeclarationError, NotFound, RequestRefused

SCHEMA = "assembly-line/release"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Release:
    """A line with its scripts (file name -> bytes). Equal content gives an equal digest, on every machine."""

    line: Line
    scripts: Mapping[str, bytes]

    def __post_init__(self) -> None:
        for script in (self.line.training.script, self.line.training.inference):
            if script not in self.scripts:
                raise DeclarationError(
                    f"Line {self.line.name}: script {script!r} is not in its folder; "
                    f"it has {', '.join(sorted(self.scripts)) or 'no scripts'}"
                )

    @property
    def digest(self) -> str:
        return digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The release document; scripts appear by digest, their content lies beside it."""
        scripts = {name: digest_bytes(content) for name, content in sorted(self.scripts.items())}
        return {"schema": SCHEMA, "version": VERSION, "scripts": scripts, **line_to_json(self.line)}


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
