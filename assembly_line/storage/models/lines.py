"""Lines as they are released now, for handlers that check many small things against them."""

from __future__ import annotations

from functools import lru_cache

from assembly_line.declarations.lines import Line
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.releases import ReleaseStore

KEPT = 128


class ReleasedLines:
    """Looks up which release is current each time; a release itself never changes and is kept."""

    def __init__(self, control: ControlTable, releases: ReleaseStore) -> None:
        self._control = control
        self._read = lru_cache(KEPT)(lambda digest: releases.read(digest).line)

    def of_release(self, digest: str) -> Line:
        """The line as that release declares it.

        Raises:
            NotFound: it was never published.
        """
        found: Line = self._read(digest)
        return found

    def current(self, line: str) -> Line:
        """The line by its current release.

        Raises:
            NotFound: the line was never released here.
        """
        found: Line = self._read(self._control.current_release(line))
        return found
