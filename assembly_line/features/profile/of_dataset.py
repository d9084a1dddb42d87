"""The page of a recorded dataset from its manifest, and of one that was built in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assembly_line.declarations.lines import Line
from assembly_line.features.model.findings import finding_from_json
from assembly_line.features.profile.figures import profile_of
from assembly_line.features.profile.page import Subject, page
from assembly_line.features.values.columns import Column


def page_of_manifest(line: Line, manifest: Mapping[str, Any], columns: Mapping[str, Column]) -> str:
    """The profile of a finished dataset.

    Args:
        line: as it was declared when the dataset was planned.
        columns: the dataset's rows.
    """
    engine = manifest["engine"]
    described = {
        "line": line.name,
        "as of": _short(manifest["as_of"]),
        "period asked for": f"{_short(manifest['from']) or 'open'} to {_short(manifest['to']) or 'open'}",
        "spine rows": f"{manifest['spine_rows']:,}",
        "release": manifest["release"],
        "digest of its rows": manifest["logical_digest"],
        "built by": f"{engine['name']} in {manifest['seconds']:g} s",
        "created": _short(manifest["created"]),
        **{f"source {name}": f"snapshot {part['snapshot'][:16]}" for name, part in manifest["snapshots"].items()},
    }
    subject = Subject(
        title=line.title,
        owner=line.owner,
        dataset_id=manifest["dataset_id"],
        purpose=manifest["purpose"],
        described=described,
        excluded=manifest["excluded"],
        findings=[finding_from_json(one) for one in manifest["quality"]],
        limitations=manifest["limitations"],
        sampling=manifest.get("sampling"),
    )
    return page(subject, profile_of(line, columns))


def page_of_notebook(line: Line, described: Mapping[str, Any], columns: Mapping[str, Column]) -> str:
    """The profile of a dataset that was built in a notebook and is recorded nowhere.

    Args:
        described: what the table's metadata says of it.
    """
    subject = Subject(
        title=line.title,
        owner=line.owner,
        dataset_id="not recorded",
        purpose=described["purpose"],
        described={
            "line": line.name,
            "as of": _short(described["as_of"]),
            "period asked for": f"{_short(described['from']) or 'open'} to {_short(described['to']) or 'open'}",
            "spine rows": f"{described['spine_rows']:,}",
            "built by": "duckdb in a notebook, from local tables",
        },
        excluded=described["excluded"],
        findings=[finding_from_json(one) for one in described["quality"]],
        limitations=(),
        sampling=described.get("sampling"),
    )
    return page(subject, profile_of(line, columns))


def _short(text: str | None) -> str:
    return "" if text is None else text.replace(".000000Z", "Z").removesuffix("T00:00:00Z")
