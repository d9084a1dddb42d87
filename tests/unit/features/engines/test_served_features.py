"""Which features an online table serves: all but UDFs, views, and what is made of them."""

from __future__ import annotations

from assembly_line.features.online.serving import served
from tests.unit.features.small_world import a_line
from tests.unit.features.udf_world import with_udfs
from tests.unit.features.view_world import with_views


def test_what_needs_arrow_or_whole_tables_is_not_served() -> None:
    assert served(a_line()) == tuple(a_line().features)
    assert served(with_udfs()) == ("events_count", "late_count", "kind")
    assert served(with_views()) == ("events_count",)
