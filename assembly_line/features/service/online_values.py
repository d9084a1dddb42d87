"""Features of one entity at an instant, from the online table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from assembly_line.declarations.derived import with_parts
from assembly_line.errors import CannotDecide
from assembly_line.features.online import questions

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line
    from assembly_line.features.online.questions import OnlineRow
    from assembly_line.requests import FeaturesRequest
    from assembly_line.storage import Account


def values_at(account: Account, line: str, request: FeaturesRequest) -> dict[str, Any]:
    """Values as of an instant, computed by the release that was published, whatever is current now.

    Raises:
        NotFound: nothing is published of the line.
        RequestRefused: the published features cannot answer it.
    """
    now = datetime.now(UTC)
    generation = account.online_table.in_force(line, now=now).generation
    declared = account.released.of_release(generation.release)
    found: dict[str, Any] = questions.answer(declared, generation, account.online_table, request, now=now)
    return found


def row_to_decide(account: Account, learnt: Line, request: FeaturesRequest, *, now: datetime) -> OnlineRow:
    """The features that a model reads of one decision, as a dataset would have them.

    Args:
        learnt: the line as the model was trained with it.
        request: names the features of the model.

    Raises:
        NotFound: nothing is published of the line.
        RequestRefused: the published features cannot answer it.
        CannotDecide: the features that are published are declared otherwise than those that the model learnt.
    """
    generation = account.online_table.in_force(learnt.name, now=now).generation
    published = account.released.of_release(generation.release)
    names = request.features or ()
    other = [name for name in names if _declared(published, name) != _declared(learnt, name)]
    if other or published.decision.boundary != learnt.decision.boundary:
        raise CannotDecide(
            f"line {learnt.name}: the champion learnt {', '.join(other) or 'the boundary'} otherwise than release "
            f"{generation.release[:12]} declares it, whose features are published; train a run of the current "
            f"release with `line train {learnt.name}`, approve it, and run `line features publish {learnt.name}`"
        )
    found: OnlineRow = questions.row_of(published, generation, account.online_table, request, now=now)
    return found


def _declared(line: Line, name: str) -> object:
    """A feature with all that it is made of; None where the line has none of that name."""
    return with_parts(line.features, (name,)) if name in line.features else None
