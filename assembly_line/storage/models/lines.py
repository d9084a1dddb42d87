"""Lines as they are released now, for handlers that check many small things against them."""

from __future__ import annotations

from assembly_line.declarations.lines import Line
from assembly_line.errors import NotFound, RequestRefused
from assembly_line.release import Release
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

    def release(self, line: str, digest: str | None = None) -> Release:
        """The release of that digest, or the line's current one.

        Raises:
            NotFound: the line was never released here.
            RequestRefused: there is no such release, or it is another line's.
        """
        current = self._control.current_release(line)
        try:
            found = self._releases.read(digest or current)
        except NotFound as error:
            raise RequestRefused(
                f"release: {digest or current} is not in the store; the current release of {line} is {current}",
                where="release",
                value=digest or current,
                expected=f"a stored one, such as {current}",
            ) from error
        if found.line.name != line:
            raise RequestRefused(
                f"release: {digest} is of line {found.line.name}, expected one of {line}; "
                f"its current release is {current}",
                where="release",
                value=str(digest),
                expected=f"a release of line {line}",
            )
        return found

    def last(self, line: str) -> Line:
        """The line by its current release, or by the last one that it had before it was removed.

        Raises:
            NotFound: the line was never released here.
        """
        return self.of_release(self._control.last_release(line))

    def current(self, line: str) -> Line:
        """The line by its current release.

        Raises:
            NotFound: the line was never released here.
        """
        return self.of_release(self._control.current_release(line))
