"""A limit for the parts of a ranking's segment is refused where the segment cuts groups apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assembly_line import Entity, Validation
from assembly_line.errors import DeclarationError
from tests.lines_of_kinds import line_of

RANKING = line_of("mails")
WITHIN = RANKING.training.ranked_within
OTHER_KEYS = [name for name in RANKING.decision.keys if name not in WITHIN]


def limited(*segments: str) -> Validation:
    return Validation(segments=segments, segment_thresholds={"ndcg": 0.5})


def test_a_key_that_differs_within_a_group_is_refused_with_a_limit_and_shown_without_one() -> None:
    (name, *_) = OTHER_KEYS

    with pytest.raises(DeclarationError, match=rf"the segment '{name}' has a value for each {name}, so it cuts groups"):
        replace(RANKING, validation=limited(name))
    assert replace(RANKING, validation=Validation(segments=(name,), thresholds={"ndcg": 0.5})).validation.segments


def test_a_key_by_which_groups_are_made_takes_a_limit() -> None:
    keys = [name for name in WITHIN if name in RANKING.decision.keys]
    assert replace(RANKING, validation=limited(*keys)).validation.segment_thresholds


def test_a_feature_takes_a_limit_only_if_it_is_the_same_for_the_whole_group() -> None:
    refused, taken = [], []
    for name in RANKING.features:
        try:
            replace(RANKING, validation=limited(name))
        except DeclarationError as error:
            assert f"the segment {name!r} has a value for each" in str(error)
            refused.append(name)
        else:
            taken.append(name)
    assert {"category", "price", "bought_before_60d"} <= set(refused)
    assert "days_since_purchase" in taken
    for name in taken:
        feature = RANKING.features[name]
        assert not set(OTHER_KEYS) & {key for entity in _entities(feature) for key in entity.keys}


def _entities(feature: object) -> tuple[Entity, ...]:
    by = getattr(feature, "by", ())
    return by if isinstance(by, tuple) else (by,)
