"""One measured figure, and how it is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What one engine took for one case on one size.

    Args:
        seconds: the quickest of its repetitions; None if it was left out.
        cpu_seconds: of the same repetition, of all its threads, without child processes.
        mib: peak memory of its largest process.
        estimated_seconds: of the line, what `--explain` says of building.
        reason: why it was left out.
        measured: of an engine that was asked for samples alone, what these took: its figures are a line through two.
    """

    case: str
    engine: str
    size: str
    seconds: float | None
    cpu_seconds: float | None = None
    mib: int | None = None
    estimated_seconds: float | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    measured: str | None = None

    @classmethod
    def left_out(cls, case: str, engine: str, size: str, reason: str) -> Self:
        return cls(case=case, engine=engine, size=size, seconds=None, reason=reason)

    def sentence(self) -> str:
        what = f"{self.case:<9} {self.size:<5} {self.engine:<22}"
        if self.seconds is None:
            return f"{what} left out: {self.reason}"
        how = f", extrapolated: {self.measured}" if self.measured else ""
        return f"{what} {self.seconds:8.3f} s {self.mib:6} MiB{how}"

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value not in (None, {})}
