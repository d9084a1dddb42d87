"""What functions emit for CloudWatch: lines of their output in Embedded Metric Format, as CloudWatch reads them."""

from __future__ import annotations

import json
from typing import Any

Emitted = dict[tuple[str, str | None], list[float]]


def emitted(output: str, *, line: str) -> Emitted:
    """(name, action) -> values, of the metrics of a line (by the name of what it owns)."""
    found: Emitted = {}
    for text in output.splitlines():
        if '"_aws"' not in text:
            continue
        document: dict[str, Any] = json.loads(text)
        for directive in document["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == "AssemblyLine"
            for names in directive["Dimensions"]:
                by = {name: document[name] for name in names}
                assert by.pop("line") == line
                action = by.pop("action", None)
                assert by == {}, "each further dimension is a further metric, which costs"
                for metric in directive["Metrics"]:
                    found.setdefault((metric["Name"], action), []).extend(document[metric["Name"]])
    return found
