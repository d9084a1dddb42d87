"""Archives of models and code: packed so that equal content is equal bytes, unpacked so that nothing escapes."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from assembly_line.errors import JobFailed

MAX_EXPANDED_BYTES = 4 * 1024**3
MAX_MEMBERS = 100_000


def pack(folder: Path, target: Path) -> None:
    """Write the files below a folder as a tar.gz whose bytes depend on names, modes and content alone.

    Raises:
        JobFailed: something below the folder is neither a file nor a folder, such as a link, or cannot be read.
    """
    with (
        target.open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=6, filename="", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise JobFailed(f"ClientError: Artifact upload failed: {name!r} is a link or a device, not a file")
            member = tarfile.TarInfo(name)
            if path.is_dir():
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(member)
                continue
            status = path.stat()
            member.size, member.mode = status.st_size, 0o755 if status.st_mode & 0o100 else 0o644
            try:
                with path.open("rb") as content:
                    archive.addfile(member, content)
            except OSError as error:
                raise JobFailed(
                    f"ClientError: Artifact upload failed: {name!r} cannot be read: {error.strerror or error}"
                ) from error


def unpack(source: Path, folder: Path, *, what: str, max_bytes: int = MAX_EXPANDED_BYTES) -> None:
    """Unpack a tar.gz of plain files and folders.

    Args:
        source: the archive.
        folder: where its content goes; made if missing.
        what: how the message names the archive.
        max_bytes: the most its content may expand to.

    Raises:
        JobFailed: not a tar.gz, or a member that escapes, links, expands beyond the bound, or cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    expanded = members = 0
    try:
        with tarfile.open(source, mode="r:gz") as archive:
            for member in archive:
                expanded, members = expanded + member.size, members + 1
                _check(member, what)
                if expanded > max_bytes or members > MAX_MEMBERS:
                    raise JobFailed(f"ClientError: {what}: expands beyond {max_bytes} bytes or {MAX_MEMBERS} members")
                _extract(archive, member, folder / PurePosixPath(member.name), what)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise JobFailed(f"ClientError: {what}: not a readable tar.gz: {error}") from error


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path, what: str) -> None:
    try:
        _write(archive, member, path)
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            raise
        raise JobFailed(
            f"ClientError: {what}: member {member.name[:100]!r} cannot be written: {error.strerror or error}"
        ) from error


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    """Write one checked member. `extract` itself is safe only with `filter`, which Python 3.11.2 (Debian 12) lacks."""
    content = archive.extractfile(member)
    if content is None:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with content, path.open("wb") as target:
        shutil.copyfileobj(content, target)
    path.chmod(0o755 if member.mode & 0o100 else 0o644)


def _check(member: tarfile.TarInfo, what: str) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise JobFailed(f"ClientError: {what}: member {member.name!r} would be written outside of its folder")
    if not (member.isreg() or member.isdir()):
        raise JobFailed(f"ClientError: {what}: member {member.name!r} is a link or a device; only files are unpacked")
