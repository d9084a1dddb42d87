"""Which columns of a dataset hold personal data: their values appear in no finding, no statistic and no page."""

from __future__ import annotations

from collections.abc import Iterable

from assembly_line.declarations.lines import Line
from assembly_line.features.wording.feature_listing import listed_features


def personal_features(line: Line, features: Iterable[str]) -> frozenset[str]:
    """Features that take values of a column that is declared personal."""
    asked = set(features)
    return frozenset(one.name for one in listed_features(line) if one.name in asked and one.personal)
