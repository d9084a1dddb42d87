"""What is kept of old datasets and what goes, as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, fields, rows
from assembly_line.cli.views.datasets import SHORT
from assembly_line.cli.views.forecast import size

if TYPE_CHECKING:
    from rich.console import Console


def draw_retained(found: Mapping[str, Any]) -> Render:
    def draw(console: Console) -> None:
        goes = "deleted" if found["deleted"] else "would go"
        content = [
            (
                one["dataset_id"][:SHORT],
                one["state"],
                one["used"][:10],
                size(one["bytes"]),
                "kept" if one["kept"] else goes,
                one["why"],
            )
            for one in found["datasets"]
        ]
        rows(("dataset", "state", "last used", "size", "", "why"), content)(console)
        fields(
            {
                "Attempts and plans": _amount(found["leftovers"], "left over by datasets that stay"),
                "Lake": _amount(found["lake"], "that no dataset and no snapshot needs"),
                "Deleted" if found["deleted"] else "Would go": size(found["bytes"]),
            }
        )(console)

    return draw


def draw_expired(found: Mapping[str, Any]) -> Render:
    def draw(console: Console) -> None:
        goes = "gone" if found["deleted"] else "would go"
        content = [
            (
                one["run_id"],
                one["kind"],
                one["used"][:10],
                size(one["bytes"]),
                "kept" if one["kept"] else goes,
                one["why"],
            )
            for one in found["runs"]
        ]
        rows(("run", "kind", "last written", "size", "", "why"), content)(console)
        fields({"Gone" if found["deleted"] else "Would go": size(found["bytes"])})(console)

    return draw


def _amount(part: Mapping[str, int], what: str) -> str:
    return f"{part['versions']} object versions {what}, {size(part['bytes'])}"
