"""Takes a whole environment away, stack by stack: a kill between any two steps leaves what a repeat finishes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assembly_line.errors import RequestRefused, RunFailed
from assembly_line.removal.keeping import BUCKET, Kept, of_environment
from assembly_line.throughput import open_work

if TYPE_CHECKING:
    from assembly_line.storage import Account, Stack

Report = Callable[[str], None]
# What holds data: deleted with its stack only where the settings do not keep data.
DATA = (BUCKET, "AWS::DynamoDB::Table")
# S3 delivers access logs for a while after the last access, also into a bucket that was just emptied.
TRIES = 5


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What destroying an environment would do now.

    Args:
        stacks: in the order in which they go.
        emptied: buckets that go with their stacks, all versions included.
    """

    stacks: tuple[str, ...]
    emptied: tuple[str, ...]
    kept: tuple[Kept, ...]

    @property
    def usd(self) -> float:
        """A month, as far as it is known."""
        return sum(each.usd or 0.0 for each in self.kept)


@dataclass(frozen=True, kw_only=True)
class Destroyed:
    """What is gone, and what stays."""

    environment: str
    stacks: tuple[str, ...]
    emptied: Mapping[str, int]
    kept: tuple[Kept, ...]

    def document(self) -> dict[str, Any]:
        kept = [each.document() for each in self.kept]
        return {
            "environment": self.environment,
            "stacks": list(self.stacks),
            "emptied": dict(self.emptied),
            "kept": kept,
        }


def plan(account: Account, *, keep_data: bool) -> Plan:
    """Look at what there is, and whether it may go.

    Args:
        keep_data: the environment's setting.

    Raises:
        RequestRefused: work is open; or stacks elsewhere import something; or data would go that the settings keep.
    """
    stacks = account.stacks.of_environment()
    _require_no_open_work(account)
    held = {stack: account.stacks.resources(stack) for stack in stacks}
    resources = [resource for each in held.values() for resource in each]
    gone = [resource for resource in resources if resource.type in DATA and not resource.kept]
    if keep_data and gone:
        names = ", ".join(sorted(resource.name for resource in gone))
        raise RequestRefused(
            f"environment {account.environment!r}: its settings say keep_data = true, but its stacks were deployed "
            f"without it, and these would go with them: {names}; run `line deploy` first, or set keep_data = false"
        )
    kept = {resource for resource in resources if resource.kept} | account.stacks.left_behind()
    return Plan(
        stacks=tuple(stack.name for stack in _in_order(account, stacks)),
        emptied=tuple(resource.name for resource in gone if resource.type == BUCKET),
        kept=of_environment(account, kept),
    )


def destroy(account: Account, *, keep_data: bool, report: Report) -> Destroyed:
    """Delete every stack of the environment, and empty the buckets that go with them.

    Every step looks at what is there: repeated after an interruption, it goes on with what is left.

    Raises:
        RequestRefused: see `plan`; or work began meanwhile.
        RunFailed: a stack would not go; the message says why.
    """
    planned = plan(account, keep_data=keep_data)
    emptied: dict[str, int] = {}
    while stacks := account.stacks.of_environment():
        # Whoever could start something goes first; until then somebody may.
        _require_no_open_work(account)
        stack = _in_order(account, stacks)[0]
        for bucket, number in _delete(account, stack, report).items():
            emptied[bucket] = emptied.get(bucket, 0) + number
        report(f"Deleted stack {stack.name}; {len(stacks) - 1} left.")
    kept = of_environment(account, account.stacks.left_behind())
    return Destroyed(environment=account.environment, stacks=planned.stacks, emptied=emptied, kept=kept)


def _delete(account: Account, stack: Stack, report: Report) -> dict[str, int]:
    resources, emptied = account.stacks.resources(stack), dict[str, int]()
    for attempt in range(1, TRIES + 1):
        for bucket in (each.name for each in resources if each.type == BUCKET and not each.kept):
            if number := account.whole_buckets.empty(bucket):
                report(f"Emptied bucket {bucket}: {number} versions and markers.")
                emptied[bucket] = emptied.get(bucket, 0) + number
        try:
            account.stacks.delete(stack)
        except RunFailed as failure:
            if "not empty" not in str(failure) or attempt == TRIES:
                raise
        else:
            break
    return emptied


def _in_order(account: Account, stacks: list[Stack]) -> list[Stack]:
    """Each before those from which it imports; lines first, and the API, so that nothing new begins.

    Raises:
        RequestRefused: a stack that is none of the environment's imports something.
    """
    own = {stack.name for stack in stacks}
    importers = {stack.name: account.stacks.importers(stack) for stack in stacks}
    if foreign := {(user, name) for name, users in importers.items() for user in users - own}:
        told = ", ".join(f"{user} imports from {name}" for user, name in sorted(foreign))
        raise RequestRefused(
            f"environment {account.environment!r} is in use by other stacks: {told}; delete them first"
        )
    ordered: list[Stack] = []
    remaining = sorted(stacks, key=lambda stack: (not stack.own.startswith(FIRST), stack.name))
    while remaining:
        done = {stack.name for stack in ordered}
        following = next((stack for stack in remaining if importers[stack.name] <= done), None)
        if following is None:
            names = ", ".join(stack.name for stack in remaining)
            raise RequestRefused(f"environment {account.environment!r}: these stacks import from each other: {names}")
        ordered.append(following)
        remaining.remove(following)
    return ordered


# What starts work: schedules of the lines, and the API.
FIRST = ("Line-", "Feedback")


def _require_no_open_work(account: Account) -> None:
    if found := open_work(account):
        told = [f"environment {account.environment!r} stays, because work is open:", *(map(str, found))]
        raise RequestRefused("\n  ".join(told) + "\nWait for it, judge it, or stop it, then destroy again")
