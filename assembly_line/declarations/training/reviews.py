"""How long a run waits for its review, and who hears of it, as declared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from assembly_line.declarations.checks import refuse, require
from assembly_line.declarations.typed import typed

DAY = timedelta(days=1)
LONGEST = timedelta(days=60)
ADDRESS = re.compile(r"[^@\s,;<>\"]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """How long a run waits for its review. A review that was decided reminds nobody.

    Reminders go to a topic of the line. An e-mail address must confirm its subscription once.

    Args:
        timeout: how long a run waits, at most 60 days. Then it fails, and `line runs resume` lets it wait again.
        remind_after: when the reviewers are reminded, counted from the beginning of the wait. None means never.
        remind: a tuple of e-mail addresses that are reminded. Others subscribe to the topic themselves.
        escalate_after: when somebody else hears of it, counted likewise. None means never.
        escalate_to: a tuple of e-mail addresses that hear of it then.
    """

    timeout: timedelta = 14 * DAY
    remind_after: timedelta | None = None
    remind: tuple[str, ...] = ()
    escalate_after: timedelta | None = None
    escalate_to: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(
            timedelta(0) < self.timeout <= LONGEST,
            f"Review: timeout {self.timeout}: expected more than 0 and at most {LONGEST.days} days",
        )
        before: timedelta = timedelta(0)
        for name, after in (("remind_after", self.remind_after), ("escalate_after", self.escalate_after)):
            if after is not None:
                require(
                    before < after < self.timeout,
                    f"Review: {name} {after}: expected more than {before} and less than the timeout {self.timeout}",
                )
                before = after
        for name, after in (("timeout", self.timeout), ("remind_after", self.remind_after)):
            self._check_whole(name, after)
        self._check_whole("escalate_after", self.escalate_after)
        require(
            self.remind_after is not None or not self.remind,
            "Review: remind names somebody, but there is no remind_after; declare when",
        )
        require(
            (self.escalate_after is None) == (not self.escalate_to),
            "Review: escalate_after and escalate_to need each other; declare both, or neither",
        )
        for name, addresses in (("remind", self.remind), ("escalate_to", self.escalate_to)):
            for address in addresses:
                refuse(
                    not ADDRESS.fullmatch(address),
                    f"Review: {name}: {address!r} is no e-mail address, such as anna@example.com",
                    where=f"Review: {name}",
                    value=repr(address),
                    expected="an e-mail address, such as anna@example.com",
                )

    @property
    def announces(self) -> tuple[tuple[str, timedelta], ...]:
        """What is sent while a review waits, and when, in order of time."""
        both = (("reminder", self.remind_after), ("escalation", self.escalate_after))
        return tuple((kind, after) for kind, after in both if after is not None)

    @property
    def waits(self) -> tuple[timedelta, ...]:
        """How long a run waits before each announcement, and at last before it times out."""
        ends = [*(after for _, after in self.announces), self.timeout]
        return tuple(end - begin for begin, end in zip([timedelta(0), *ends], ends, strict=False))

    def _check_whole(self, name: str, length: timedelta | None) -> None:
        require(
            length is None or not length % timedelta(seconds=1),
            f"Review: {name} {length} has parts of a second; expected whole seconds",
        )
