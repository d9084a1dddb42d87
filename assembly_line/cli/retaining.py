"""`line dataset retain`: what is kept of a line's datasets and why, what goes, and how much room that makes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, fields, rows
from assembly_line.cli.views.datasets import SHORT
from assembly_line.cli.views.forecast import size
from assembly_line.errors import RequestRefused
from assembly_line.features.model.retention import LEAST_DAYS
from assembly_line.instants import format_instant
from assembly_line.storage.datasets.references import references
from assembly_line.storage.datasets.retention import Retention

if TYPE_CHECKING:
    from rich.console import Console

    from assembly_line.cli.target import Target

DAYS = re.compile(r"([1-9]\d{0,4})d")


def retained(target: Target, line: str, *, older_than: str, keep_last: int, delete: bool) -> dict[str, Any]:
    """Decide, and with `delete` carry it out, as JSON values.

    Raises:
        NotFound: the line was never released here.
        RequestRefused: the age is none.
    """
    target.control.current_release(line)
    cutoff = datetime.now(UTC) - _age(older_than)
    retention = Retention(
        target.store,
        target.lake,
        line,
        lambda: references(line, store=target.store, control=target.control, ledger=target.ledger),
    )
    act = retention.carry_out if delete else retention.plan
    found = act(cutoff=cutoff, keep_last=keep_last)
    return {
        "line": line,
        "older_than": older_than,
        "since": format_instant(cutoff),
        "deleted": delete,
        "datasets": [
            {
                "dataset_id": verdict.dataset.dataset_id,
                "state": verdict.dataset.state,
                "used": format_instant(verdict.dataset.used),
                "bytes": verdict.dataset.bytes,
                "kept": verdict.kept,
                "why": verdict.why,
            }
            for verdict in found.verdicts
        ],
        "leftovers": {"versions": len(found.leftovers), "bytes": sum(one.size for one in found.leftovers)},
        "lake": {"versions": len(found.lake), "bytes": sum(one.size for one in found.lake)},
        "bytes": found.bytes,
    }


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


def _amount(part: Mapping[str, int], what: str) -> str:
    return f"{part['versions']} object versions {what}, {size(part['bytes'])}"


def _age(text: str) -> timedelta:
    found = DAYS.fullmatch(text)
    if found is None:
        raise RequestRefused(
            f"--older-than {text!r}: expected at least {LEAST_DAYS} day, written as a number and d, such as 90d"
        )
    return timedelta(days=int(found[1]))
