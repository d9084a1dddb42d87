"""One call of the command: what was asked for globally, and the target it acts on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from assembly_line.cli.output import Output
from assembly_line.errors import RequestRefused

if TYPE_CHECKING:
    from assembly_line.cli.target import Target

EMBEDDED = "embedded"
APP = "app.py"
# The environment's own folder of an installed package is no project: then it is looked for from the working folder on.
_HOME = Path(__file__).parents[2]


def folder_above(name: str, start: Path) -> Path | None:
    """The nearest folder that has an entry of this name: `start` or one that it lies in."""
    return next((folder for folder in (start, *start.parents) if (folder / name).exists()), None)


REPOSITORY = _HOME if (_HOME / APP).is_file() else folder_above(APP, Path.cwd()) or Path.cwd()


def environments() -> list[str]:
    """Every environment that has a settings file."""
    return sorted(path.stem for path in (REPOSITORY / "settings").glob("*.toml"))


def require_settings(environment: str, *, option: str = "--environment") -> None:
    """Refuse an environment that has no settings file.

    Raises:
        RequestRefused: names the environments that have one, and the folder.
    """
    if environment not in environments():
        folder = REPOSITORY / "settings"
        raise RequestRefused.about(
            option,
            repr(environment),
            f"an environment of {folder}: {', '.join(environments()) or 'there is none'}",
            f"{folder / environment}.toml would add it",
        )


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
        """The folder of declared lines: of the working directory or one above it, else the shipped ones."""
        return (folder_above("lines", Path.cwd()) or REPOSITORY) / "lines"

    @property
    def lines_here(self) -> Path:
        """Where a new line belongs: the nearest folder of declared lines, else one in the working directory."""
        return (folder_above("lines", Path.cwd()) or Path.cwd()) / "lines"

    @cached_property
    def target(self) -> Target:
        """The AWS that this command acts on; opening it says where that is.

        Raises:
            RequestRefused: the project has settings, and none for the environment.
            TargetUnreachable, EmbeddedAwsError: it does not answer.
        """
        from assembly_line.cli.target import account_target, embedded_target

        # An installed package has no settings: whoever only uses an environment needs none.
        if not self.embedded and environments():
            require_settings(self.environment)
        opened = (
            embedded_target(self.state)
            if self.embedded
            else account_target(self.environment, region=self.options.region, profile=self.options.profile)
        )
        self.output.note(f"Acting on {opened.where}.")
        return opened
