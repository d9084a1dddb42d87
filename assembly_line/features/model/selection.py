"""Which features a request means: by name and by group, each once, in declared order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assembly_line.errors import RequestRefused

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line
    from assembly_line.requests import DatasetRequest


def resolved_features(line: Line, request: DatasetRequest) -> tuple[str, ...]:
    """The features asked for by name and by group, all of the line's by default.

    Raises:
        RequestRefused: the line declares no such feature or group.
    """
    if request.features is None and request.groups is None:
        return tuple(line.features)
    asked = set(request.features or ())
    unknown = sorted(asked - set(line.features))
    if unknown:
        raise RequestRefused(
            f"features: line {line.name} has no feature {', '.join(map(repr, unknown))}; "
            f"it has {', '.join(line.features)}",
            where="features",
            value=", ".join(map(repr, unknown)),
            expected=f"features of line {line.name}: {', '.join(line.features)}",
        )
    unknown = sorted(set(request.groups or ()) - set(line.groups))
    if unknown:
        raise RequestRefused(
            f"groups: line {line.name} has no group {', '.join(map(repr, unknown))}; "
            f"it has {', '.join(line.groups) or 'none'}",
            where="groups",
            value=", ".join(map(repr, unknown)),
            expected=f"groups of line {line.name}: {', '.join(line.groups) or 'none'}",
        )
    asked |= {name for group in request.groups or () for name in line.groups[group]}
    return tuple(name for name in line.features if name in asked)
