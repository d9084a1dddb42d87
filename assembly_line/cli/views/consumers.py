"""How the consumers of a line are shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from assembly_line.cli.output import Render, duration, rows


def draw_consumers(consumers: Sequence[Mapping[str, Any]]) -> Render:
    """A table, one row a consumer."""
    columns = ("consumer", "live since", "added", "for", "freshness", "owner", "filter", "waiting", "dead letters")
    return rows(columns, [_row(one) for one in consumers])


def _row(one: Mapping[str, Any]) -> list[str]:
    seconds, policy = one["freshness_seconds"], one["filter"]
    beside = {name: _words(values) for name, values in (policy or {}).items() if name not in ("probe", "schema")}
    return [
        one["consumer"],
        one["live_since"] or "not live",
        "yes" if one["added"] else "declared",
        f"{one['actor']}, {one['level']}",
        "none" if seconds is None else duration(seconds),
        one["owner"] or "",
        "not subscribed"
        if policy is None
        else "; ".join(f"{name}: {words}" for name, words in beside.items()) or "all",
        str(one["waiting"]),
        str(one["dead_letters"]),
    ]


def _words(values: Sequence[Any]) -> str:
    told = [value for value in values if value != {"exists": False}]
    return ", ".join(value if isinstance(value, str) else json.dumps(value) for value in told)
