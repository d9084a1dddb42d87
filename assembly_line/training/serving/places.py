"""Where a batch is scored: in a function within seconds, or by a transform job, which takes minutes to start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

from assembly_line.errors import RequestRefused
from assembly_line.training.frameworks import FRAMEWORKS, framework_of

Place = Literal["function", "transform"]
Asked = Literal["auto", "function", "transform"]
MEBIBYTE = 1024 * 1024
ANSWER_BYTES = 26


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringPlan:
    """Args: `why`: the choice in words, for whoever asked."""

    by: Place
    why: str


def scoring_plan(
    asked: Asked, *, rows: bytes, width: int, image: str, most_mib: int, carries: bool = False
) -> ScoringPlan:
    """Choose who asks the model.

    Args:
        asked: by the request; `auto` lets the size and the framework decide.
        rows: the whole batch, as CSV. A function gets it in one call.
        width: how many numbers an answer has.
        image: URI of the image that serves the model.
        most_mib: the largest batch that the environment scores in a function, in MiB; 0 is none.
        carries: the release has packages of its own, which containers install and functions do not.

    Raises:
        RequestRefused: a function was asked for, and cannot score this batch.
    """
    if asked == "transform":
        return ScoringPlan(by="transform", why="the request asks for a transform job")
    size = batch_size(len(rows), rows.count(b"\n"), width=width)
    fits = f"the batch or its answers have {size / MEBIBYTE:.1f} MiB, a function scores at most {most_mib} MiB"
    carried = "the release carries packages, which no function installs" if carries else None
    obstacle = _no_framework(image) or carried or (fits if size > most_mib * MEBIBYTE else None)
    match asked:
        case "auto" if obstacle:
            return ScoringPlan(by="transform", why=obstacle)
        case "auto":
            return ScoringPlan(by="function", why=fits)
        case "function" if obstacle:
            raise RequestRefused.about(
                "scored_by", "'function'", "a batch that a function can score", f"{obstacle}; leave it out"
            )
        case "function":
            return ScoringPlan(by="function", why="the request asks for a function")
        case _:
            assert_never(asked)


def function_bytes(image: str, *, most_mib: int) -> int:
    """The largest batch that a function scores with a model of this image; 0 if none does."""
    return 0 if _no_framework(image) else most_mib * MEBIBYTE


def batch_size(length: int, rows: int, *, width: int) -> int:
    """Bytes of a batch or of its answers, whichever are more.

    In JSON a line's end takes two bytes, and a number of an answer at most `ANSWER_BYTES`.
    """
    return max(length + rows, rows * width * ANSWER_BYTES)


def _no_framework(image: str) -> str | None:
    framework, version = framework_of(image), image.rpartition(":")[2]
    if framework is not None and framework.in_functions and version.startswith(f"{framework.in_functions}-"):
        return None
    held = ", ".join(f"{each.name} {each.in_functions}" for each in FRAMEWORKS.values() if each.in_functions)
    return f"no function has the packages of {image.rpartition('/')[2]}; functions have {held}"
