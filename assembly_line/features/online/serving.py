"""Which features an online table can serve: not what needs Arrow, and not what rests on whole tables."""

from __future__ import annotations

from assembly_line.declarations.derived import with_parts
from assembly_line.declarations.features import Feature
from assembly_line.declarations.lines import Line
from assembly_line.declarations.udfs import UdfFeature


def served(line: Line) -> tuple[str, ...]:
    """Names of the line's features that can be served, in declared order.

    A UDF takes Arrow tables, which a Lambda lacks; a row of a view may rest on rows of any entity.
    """
    parts = {name: with_parts(line.features, (name,)).values() for name in line.features}
    return tuple(name for name in line.features if all(map(_is_served, parts[name])))


def _is_served(feature: Feature) -> bool:
    source = getattr(feature, "source", None)
    return not isinstance(feature, UdfFeature) and (source is None or source.sql is None)
