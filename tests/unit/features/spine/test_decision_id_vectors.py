"""The published test vectors of decision ids hold, and the published rule alone is enough to compute them."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assembly_line.decision_ids import decision_id

PAGE = (Path(__file__).parents[4] / "docs" / "decision-ids.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| `(\[\[.*\]\])` \| `(\S+)` \| `(d1-\S+)` \|$", re.MULTILINE)
VECTORS = ROW.findall(PAGE)


def by_the_page(line: str, keys: list[list[Any]], at: datetime) -> str:
    """The rule as an outsider would program it from the page."""
    encoded = b""

    def put(text: str) -> None:
        nonlocal encoded
        content = text.encode("utf-8")
        encoded += len(content).to_bytes(4, "big") + content

    put("d1")
    put(line)
    put(str((at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)))
    for column, value in keys:
        put(column)
        put({"int": "i", "str": "s", "bool": "b"}[type(value).__name__])
        put(str(value))
    return f"d1-{at.astimezone(UTC):%Y%m%d}-{hashlib.sha256(encoded).hexdigest()[:32]}"


@pytest.mark.parametrize(("line", "keys", "time", "name"), VECTORS)
def test_a_published_vector_holds(line: str, keys: str, time: str, name: str) -> None:
    pairs, at = json.loads(keys), datetime.fromisoformat(time)

    assert decision_id(line, [(column, value) for column, value in pairs], at) == name
    assert by_the_page(line, pairs, at) == name


def test_every_published_vector_is_another_decision() -> None:
    assert len(VECTORS) == 9
    assert len({name for *_, name in VECTORS}) == 9
