"""What a dataset request would take, as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, duration, fields, rows
from assembly_line.cli.views.datasets import period_in_words
from assembly_line.cli.views.values import minute, short_instant

if TYPE_CHECKING:
    from rich.console import Console

SOURCES = ("source", "objects", "rows", "bytes", "pruned", "columns")
SIZES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def draw_forecast(found: Mapping[str, Any]) -> Render:
    estimate = found["estimate"]

    def draw(console: Console) -> None:
        fields(
            {
                "Dataset": found["dataset_id"],
                "Exists": f"yes, since {minute(found['created'])} UTC: nothing would be built"
                if found["exists"]
                else "no",
                "Line": found["line"],
                "Release": found["release"],
                "Purpose": found["purpose"],
                "As of": short_instant(found["as_of"]),
                "Decisions": period_in_words(found["from"], found["to"]),
                "Features": f"{len(found['features'])}: {', '.join(found['features'])}",
                "Engine": f"{found['engine']}: {found['reason']}",
            }
        )(console)
        rows(SOURCES, [_source(one) for one in found["sources"]], title="\nWould be read")(console)
        if found.get("joins"):
            rows(("events", "would meet decisions by"), list(found["joins"].items()))(console)
        fields(
            {
                "Spine": f"at most {estimate['spine_rows']} rows",
                "Memory": f"{estimate['memory_mib']} MiB on one machine",
                "Time": f"about {duration(estimate['seconds'])}",
                "Cost": f"about {estimate['usd']:.6f} USD",
            },
            title="Estimate",
        )(console)
        for what in ("seconds", "usd"):
            console.print(f"{what}: {found['basis'][what]}.", style="dim", markup=False)

    return draw


def _source(one: Mapping[str, Any]) -> tuple[Any, ...]:
    read, pruned = one["read"], one["pruned"]
    left_out = f"{pruned['objects']} of {read['objects'] + pruned['objects']}, {size(pruned['bytes'])}"
    return (
        one["source"],
        read["objects"],
        read["rows"],
        size(read["bytes"]),
        left_out if pruned["objects"] else "none",
        len(one["columns"]),
    )


def size(count: int) -> str:
    """Bytes, such as `1.5 MiB`."""
    for unit, name in SIZES:
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} B"
