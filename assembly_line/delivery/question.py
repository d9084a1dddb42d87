"""Whether a champion answers what its line asks now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from assembly_line.declarations.lines import Line
from assembly_line.errors import RequestRefused, ScoringFailed

if TYPE_CHECKING:
    from assembly_line.training import Champion


def require_same_question(line: Line, champion: Champion, learnt: Line) -> None:
    """Refuse a champion that decides about other keys, or predicts something else, than the line declares now.

    Args:
        learnt: the line as the champion was trained with it.

    Raises:
        RequestRefused: says both keys, and what to do.
        ScoringFailed: says both kinds of answer, and what to do.
    """
    wanted, given = line.predicts, learnt.predicts
    if not wanted.answers_like(given):
        raise ScoringFailed(
            f"line {line.name}: the champion {champion.run_id} answers {given.name} {given.question}, "
            f"the line declares {wanted.name} {wanted.question} now; train it again with `line train {line.name}`"
        )
    now, before = (_keys(one.decision.keys) for one in (line, learnt))
    if now != before:
        raise RequestRefused.about(
            f"Line {line.name}: champion {champion.run_id}",
            f"it learnt release {champion.release[:12]} with keys {before}",
            f"a champion of the keys that the line declares now, {now}",
            f"train a run of the current release with `line train {line.name}`, and approve it",
        )


def _keys(keys: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in keys.items())
