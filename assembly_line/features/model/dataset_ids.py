"""The name of a dataset: a digest of everything that determines its rows, and of nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assembly_line.canonical import digest
from assembly_line.declarations.codec import line_to_json
from assembly_line.declarations.derived import with_parts
from assembly_line.declarations.lines import Line
from assembly_line.declarations.sampling import Sampling, sampling_to_json
from assembly_line.features.model.workload import workload_of
from assembly_line.features.values.semantics import SEMANTICS_VERSION

LENGTH = 32


def dataset_id_of(
    line: Line,
    features: tuple[str, ...],
    period: Mapping[str, str | None],
    snapshots: Mapping[str, str],
    *,
    purpose: str,
    scripts: Mapping[str, str] | None = None,
    sampling: Sampling | None = None,
) -> str:
    """`ds-<32 hexadecimal digits>`.

    The engine, the policy, the training and whatever else of the line leaves the rows alone are not in it.

    Args:
        features: names in declared order, defaults resolved.
        period: `as_of`, `from`, `to` as instants.
        sampling: what is drawn of a training dataset, whether the line or the request says so.
        snapshots: source -> digest, of the sources that are read.
        scripts: script -> digest, of those that UDFs among the features stand in.
    """
    declared = line_to_json(line)
    content = declared["line"]
    features_of_line = dict(content["features"]["$pairs"])
    definitions = with_parts(line.features, features)
    views = {name for name, source in workload_of(line, features).sources.items() if source.sql is not None}
    determined: dict[str, Any] = {
        "semantics": SEMANTICS_VERSION,
        "line": line.name,
        "purpose": purpose,
        "period": dict(period),
        "features": list(features),
        "definitions": {name: features_of_line[name] for name in sorted(definitions)},
        "decision": {name: value for name, value in content["decision"].items() if name != "sampling"},
        "sampling": sampling_to_json(sampling),
        "outcome": content["outcome"] if purpose == "training" else None,
        "sources": {name: _without_text(declared["sources"][name]) for name in sorted({*snapshots, *views})},
        "entities": declared["entities"],
        "snapshots": dict(snapshots),
    }
    if scripts:
        determined["scripts"] = dict(scripts)
    return f"ds-{digest(determined)[:LENGTH]}"


def _without_text(source: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in source.items() if name not in ("description", "personal")}
