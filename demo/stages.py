"""How far the demo is: one line a station, with what happens in it now and how long it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assembly_line.cli.output import duration

if TYPE_CHECKING:
    from rich.progress import Progress

    from assembly_line.cli.output import Output


@dataclass
class Stage:
    """One stage while it runs. `say` shows what happens now, `result` what is written when it is over."""

    number: int
    of: int
    title: str
    output: Output
    began: float = field(default_factory=time.monotonic)
    result: str = ""
    bar: Progress | None = None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def head(self) -> str:
        return f"[{self.number}/{self.of}] {self.title}"

    def say(self, text: str) -> None:
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], description=f"{self.head}: {text}")
        else:
            self.output.note(f"{self.head}: {text} ({duration(self.seconds)})")


class Stages:
    """All stages of the demo, in order; remembers how long each took and which one runs."""

    def __init__(self, output: Output, *, of: int) -> None:
        self._output = output
        self._of = of
        self.seconds: dict[str, float] = {}
        self.current: str | None = None

    @contextmanager
    def stage(self, title: str) -> Iterator[Stage]:
        stage = Stage(number=len(self.seconds) + 1, of=self._of, title=title, output=self._output)
        self.current = title
        if self._output.errors.is_terminal:
            with _bar(self._output) as bar:
                bar.add_task(stage.head)
                stage.bar = bar
                yield stage
        else:
            stage.say("begins")
            yield stage
        self.seconds[title] = round(stage.seconds, 2)
        self.current = None
        self._done(stage)

    def _done(self, stage: Stage) -> None:
        from rich.markup import escape

        took = f"{duration(stage.seconds):>8}"
        self._output.errors.print(
            f"[green]✓[/green] {escape(stage.head)}  [dim]{took}[/dim]  {escape(stage.result)}", soft_wrap=True
        )


def _bar(output: Output) -> Progress:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    return Progress(*columns, console=output.errors, transient=True)
