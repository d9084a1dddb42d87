"""Lines as they are released now, for handlers that check many small things against them."""

from __future__ import annotations

from assembly_line.declarations.lines import Line
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.releases import ReleaseStore


class ReleasedLines:
    """Looks up which release is current each time."""

    def __init__(self, control: ControlTable, releases: ReleaseStore) -> None:
        self._control = control
        self._releases = releases

    def of_release(self, digest: str) -> Line:
        """The line as that release declares it.

        Raises:
            NotFound: it was never published.
        """
        return self._releases.read(digest).line

    def current(self, line: str) -> Line:
        """The line by its current release.

        Raises:
            NotFound: the line was never released here.
        """
        return self.of_release(self._control.current_release(line))
