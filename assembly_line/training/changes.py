"""What a changed line would change: datasets, the model, its policy, and the stacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from assembly_line.release import Release
from assembly_line.training.comparison import Difference, all_differences, question_of

# Parts of a declaration that say which rows and columns a dataset has.
OF_DATASETS = frozenset({"decision", "features", "outcome", "sources"})
OF_FITS = OF_DATASETS | {"training", "validation"}
# Parts that the line's own stack is made from.
OF_STACKS = frozenset({"title", "delivery", "tables", "online_refresh", "refresh"})
# The one of training: the role of its jobs may pull it.
IMAGE = "training.image"


def changes_between(before: Release, now: Release) -> list[Difference]:
    """Where two releases of a line differ: in the declaration, and in scripts by their digests."""
    one, other = before.script_digests, now.script_digests
    scripts = [
        Difference("script", name, one.get(name), other.get(name))
        for name in sorted({**one, **other})
        if one.get(name) != other.get(name)
    ]
    return [*all_differences(before.line, now.line), *scripts]


def consequences(found: Iterable[Difference], before: Release, now: Release) -> list[str]:
    """What follows of the changes once they are released, a sentence each."""
    return list(_consequences(list(found), before, now))


def _consequences(found: list[Difference], before: Release, now: Release) -> Iterator[str]:
    parts = {one.name.split(".")[0] for one in found if one.step == "declaration"}
    if parts & OF_DATASETS:
        yield "New datasets have another id, and other rows or columns. Datasets that are there stay as they are."
    if question_of(found):
        yield (
            "The champion may answer another question. Then scoring is refused until a run of the new release is "
            "approved."
        )
    elif parts & OF_FITS or any(one.step == "script" for one in found):
        yield "The champion goes on deciding by its own release, until a run of the new one is approved."
    if "policy" in parts:
        yield _of_policy(before.line.policy.version, now.line.policy.version)
    if parts & OF_STACKS or any(one.name == IMAGE for one in found):
        yield "The line's stack changes: `line deploy` in place of `line release`."


def _of_policy(before: int, now: int) -> str:
    if now > before:
        return f"New decisions follow version {now} of the policy."
    return f"The policy changed and is version {now} still: `line release` refuses it below version {before + 1}."
