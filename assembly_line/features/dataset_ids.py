"""The name of a dataset: a digest of everything that determines its rows, and of nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assembly_line.canonical import digest
from assembly_line.declarations.codec import line_to_json
from assembly_line.declarations.lines import Line
from assembly_line.features.semantics import SEMANTICS_VERSION

LENGTH = 32


def dataset_id_of(
    line: Line,
    features: tuple[str, ...],
    period: Mapping[str, str | None],
    snapshots: Mapping[str, str],
    *,
    purpose: str,
) -> str:
    """`ds-<32 hexadecimal digits>`.

    The engine, the policy, the training and whatever else of the line leaves the rows alone are not in it.

    Args:
        features: names in declared order, defaults resolved.
        period: `as_of`, `from`, `to` as instants.
        snapshots: source -> digest, of the sources that are read.
    """
    declared = line_to_json(line)
    content = declared["line"]
    features_of_line = dict(content["features"]["$pairs"])
    parts = _with_ratio_parts(features, features_of_line)
    determined: dict[str, Any] = {
        "semantics": SEMANTICS_VERSION,
        "line": line.name,
        "purpose": purpose,
        "period": dict(period),
        "features": list(features),
        "definitions": {name: features_of_line[name] for name in parts},
        "decision": content["decision"],
        "outcome": content["outcome"] if purpose == "training" else None,
        "sources": {name: _without_text(declared["sources"][name]) for name in snapshots},
        "entities": declared["entities"],
        "snapshots": dict(snapshots),
    }
    return f"ds-{digest(determined)[:LENGTH]}"


def _with_ratio_parts(features: tuple[str, ...], definitions: Mapping[str, Any]) -> list[str]:
    parts = {part for name in features for part in _parts(definitions[name])}
    return sorted({*features, *parts})


def _parts(definition: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(definition[role] for role in ("numerator", "denominator") if role in definition)


def _without_text(source: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in source.items() if name not in ("description", "personal")}
