"""One call of the command: what was asked for globally, and the target it acts on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from assembly_line.cli.output import Output

if TYPE_CHECKING:
    from assembly_line.cli.target import Target

EMBEDDED = "embedded"
REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options that every command takes; None where nothing was said."""

    environment: str | None = None
    json: bool | None = None
    role: str | None = None
    region: str | None = None
    profile: str | None = None
    state: Path | None = None
    debug: bool | None = None


class Session:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.output = Output(machine_readable=bool(options.json))

    @property
    def environment(self) -> str:
        return self.options.environment or os.environ.get("LINE_ENVIRONMENT") or EMBEDDED

    @property
    def embedded(self) -> bool:
        return self.environment == EMBEDDED

    @property
    def state(self) -> Path:
        """The folder of the embedded AWS."""
        chosen = self.options.state or os.environ.get("LINE_STATE")
        return (Path(chosen) if chosen else REPOSITORY / ".line").resolve()

    @property
    def lines(self) -> Path:
        """The folder of declared lines: of the working directory if it has one, else the shipped ones."""
        own = Path.cwd() / "lines"
        return own if own.is_dir() else REPOSITORY / "lines"

    @cached_property
    def target(self) -> Target:
        """The AWS that this command acts on; opening it says where that is.

        Raises:
            TargetUnreachable, EmbeddedAwsError: it does not answer.
        """
        from assembly_line.cli.target import account_target, embedded_target

        opened = (
            embedded_target(self.state)
            if self.embedded
            else account_target(self.environment, region=self.options.region, profile=self.options.profile)
        )
        self.output.note(f"Acting on {opened.where}.")
        return opened
