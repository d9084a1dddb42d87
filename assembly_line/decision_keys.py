"""A decision named by some of its keys, such as `household_id=1,campaign_id=8`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.errors import RequestRefused
from assembly_line.instants import parse_instant

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line

# Of several decisions with the same keys so many are named.
SHOWN = 10
LENGTH_OF_A_DAY = len("2017-07-01")


def given_keys(line: Line, decision: str) -> dict[str, str] | None:
    """Key column -> value as text; None if the text is no list of keys.

    Raises:
        RequestRefused: a name is no key of the line's decisions, or stands there twice.
    """
    if "=" not in decision:
        return None
    # A value is taken exactly, blanks included.
    parts = [(name.strip(), value) for name, _, value in (part.partition("=") for part in decision.split(","))]
    given = dict(parts)
    if len(given) < len(parts):
        raise RequestRefused(
            f"decision {decision!r}: names a key twice; expected each key once, as name=value",
            where="decision",
            value=repr(decision),
            expected="each key once, as name=value",
        )
    unknown = [name for name in given if name not in line.decision.keys]
    if unknown:
        raise RequestRefused(
            f"decision {decision!r}: {', '.join(map(repr, unknown))} is no key of it; "
            f"expected some of {', '.join(line.decision.keys)}, each as name=value",
            where="decision",
            value=repr(decision),
            expected=f"some of {', '.join(line.decision.keys)}, each as name=value",
        )
    return given


def decided_at(instant: str, at: str | None) -> bool:
    """Whether a decision time is the one that was named, or lies on the day that was named; true where none was.

    Raises:
        RequestRefused: `at` is neither an instant with a zone nor a day.
    """
    if at is None:
        return True
    named = parse_instant(at, field="--at")
    return instant.startswith(at) if len(at) == LENGTH_OF_A_DAY else parse_instant(instant, field="time") == named


def several(decision: str, named: list[str]) -> RequestRefused:
    """The refusal of keys that several decisions have, which are named."""
    more = len(named) - SHOWN
    return RequestRefused(
        "\n  ".join(
            (
                f"decision {decision!r}: {len(named)} decisions have these keys; say which by its id, by more keys, or "
                "by its time (--at):",
                *named[:SHOWN],
                *([f"and {more} more"] if more > 0 else []),
            )
        ),
        where="decision",
        value=repr(decision),
        expected="keys of one decision, or its id",
    )


def keys_in_words(keys: Mapping[str, Any]) -> str:
    return ",".join(f"{name}={key_text(value)}" for name, value in keys.items())


def key_text(value: Any) -> str:
    """A key as somebody types it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
