"""The final archive of a model: what the job saved, checked member by member, with the release's code beside it.

Nothing of the job's archive is executed, unpickled or written under a name that it chose.
"""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from assembly_line.canonical import digest_bytes
from assembly_line.errors import TrainingRejected
from assembly_line.packages import WHEELS
from assembly_line.training.artefacts import check_content, check_name
from assembly_line.training.code_folder import installable

CODE_FOLDER = "code"
# What file systems hold: a name between two slashes, and a path below the folder of the model.
LONGEST_NAME, LONGEST_PATH = 255, 1024
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large a job's archive may be: what a Lambda's disk of 512 MiB holds packed, unpacked and packed again."""

    packed_bytes: int = 100 * MEBIBYTE
    expanded_bytes: int = 256 * MEBIBYTE
    members: int = 1000


def build_archive(
    job_archive: Path,
    scripts: Mapping[str, bytes],
    target: Path,
    *,
    wheels: Iterable[tuple[str, bytes]] = (),
    limits: Limits | None = None,
) -> str:
    """Write the final archive: the job's files in order of name, then `code/` with the scripts and their installer.

    The wheels of the release lie in `code/wheels/`.

    Equal content gives equal bytes, so the digest names what will be loaded.

    Args:
        job_archive: the training job's `model.tar.gz`.
        scripts: file name -> content of the release's scripts.
        target: where the archive is written.
        wheels: file name and content of each, in order of name.
        limits: how large the job's archive may be.

    Returns:
        SHA-256 of the archive, as 64 hexadecimal digits.

    Raises:
        TrainingRejected: the job's archive is unreadable, too large, empty, or holds a member that escapes, links,
            cannot be unpacked beside the others, can execute code when loaded, or takes the place of the release's
            code. Names the member.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = dict(_unpack(job_archive, Path(folder), limits or Limits()))
        if not files:
            raise TrainingRejected("model archive: is empty; train.py must save its model into SM_MODEL_DIR")
        with (
            target.open("wb") as raw,
            gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=6, filename="", mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for name, path in sorted(files.items()):
                with path.open("rb") as content:
                    _add(archive, name, content, path.stat().st_size)
            for name, script in sorted(installable(scripts).items()):
                _add(archive, f"{CODE_FOLDER}/{name}", io.BytesIO(script), len(script))
            for name, wheel in wheels:
                _add(archive, f"{CODE_FOLDER}/{WHEELS}/{name}", io.BytesIO(wheel), len(wheel))
    return digest_bytes(target.read_bytes())


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    archive.addfile(member, content)


def _unpack(source: Path, folder: Path, limits: Limits) -> Iterator[tuple[str, Path]]:
    """Copy each member into a numbered file, so that no name of the archive becomes a path."""
    if source.stat().st_size > limits.packed_bytes:
        raise TrainingRejected(
            f"model archive: {source.stat().st_size} bytes; at most {limits.packed_bytes} are accepted; save less into "
            "SM_MODEL_DIR"
        )
    places = _Places()
    try:
        with gzip.open(source, "rb") as expanded:
            bounded = _Bounded(expanded, limits)
            archive = tarfile.open(fileobj=cast(IO[bytes], bounded), mode="r:")  # noqa: SIM115 - owns nothing to close
            for number, member in enumerate(archive):
                if number >= limits.members:
                    raise TrainingRejected(f"model archive: more than {limits.members} members; save fewer files")
                name = _checked_name(member)
                places.add(name, is_folder=member.isdir())
                if not member.isdir():
                    yield name, _copy(archive, member, name, folder / str(number), limits)
            # The checksum stands at the very end, behind what tar reads.
            while bounded.read(MEBIBYTE):
                pass
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, UnicodeError, ValueError) as error:
        raise TrainingRejected(f"model archive: is not a readable tar.gz: {error}") from error
    except OSError as error:
        raise TrainingRejected(f"model archive: cannot be unpacked: {error.strerror or error}") from error


class _Places:
    """Where members would lie: a file lies where nothing else does, and nothing below it."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def add(self, name: str, *, is_folder: bool) -> None:
        above = [parent.as_posix() for parent in PurePosixPath(name).parents]
        if name in self._files and not is_folder:
            raise TrainingRejected(f"model archive: member {name!r} is there twice")
        if (name in self._files) if is_folder else (name in self._folders):
            raise TrainingRejected(f"model archive: member {name!r} is there as a file and as a folder")
        blocked = self._files.intersection(above)
        if blocked:
            raise TrainingRejected(
                f"model archive: member {name!r} lies below {min(blocked)!r}, which is a file; save them side by side"
            )
        self._folders.update(above)
        (self._folders if is_folder else self._files).add(name)


def _checked_name(member: tarfile.TarInfo) -> str:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name:
        raise TrainingRejected(f"model archive: member {member.name!r} would be written outside of the model's folder")
    if not member.name.isprintable():
        unseen = next(character for character in member.name if not character.isprintable())
        raise TrainingRejected(
            f"model archive: member {member.name!r} has the character U+{ord(unseen):04X} in its name, which cannot be "
            "seen; rename it"
        )
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE) or member.issparse():
        raise TrainingRejected(
            f"model archive: member {member.name!r} is a link, a device or a sparse file; expected plain files"
        )
    if path.parts[:1] == (CODE_FOLDER,):
        raise TrainingRejected(
            f"model archive: member {member.name!r} lies in {CODE_FOLDER}/, which is for the release's scripts alone; "
            "train.py must save elsewhere below SM_MODEL_DIR"
        )
    if max(len(part.encode()) for part in (*path.parts, "")) > LONGEST_NAME or len(member.name) > LONGEST_PATH:
        raise TrainingRejected(
            f"model archive: member {member.name[:60]!r}...: its name has {len(member.name)} characters; at most "
            f"{LONGEST_NAME} bytes between two slashes and {LONGEST_PATH} in all are accepted"
        )
    if not member.isdir():
        if not path.parts or member.name.endswith("/"):
            raise TrainingRejected(
                f"model archive: member {member.name!r} names no file; expected one such as model.json"
            )
        check_name(path.as_posix())
    return path.as_posix()


def _copy(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str, path: Path, limits: Limits) -> Path:
    content = archive.extractfile(member)
    if content is None:
        raise TrainingRejected(f"model archive: member {name!r} has no content")
    with content, path.open("wb") as file:
        shutil.copyfileobj(content, file, MEBIBYTE)
    with path.open("rb") as copied:
        check_content(name, copied, most_bytes=limits.expanded_bytes)
    return path


class _Bounded:
    """A decompressed stream that ends a bomb early: neither all of it nor one piece of it grows beyond its bound."""

    def __init__(self, stream: BinaryIO | gzip.GzipFile, limits: Limits) -> None:
        self._stream = stream
        self._limits = limits

    def read(self, size: int = -1) -> bytes:
        # Names and extended headers are read in one piece, at the size that the archive claims.
        if not 0 <= size <= MEBIBYTE:
            raise TrainingRejected(f"model archive: a header of {size} bytes; expected plain file names")
        self._check(self._stream.tell() + size)
        return self._stream.read(size)

    def seek(self, position: int) -> int:
        self._check(position)
        return self._stream.seek(position)

    def tell(self) -> int:
        return self._stream.tell()

    def _check(self, position: int) -> None:
        # Padding and headers around the last file's content are not content.
        if position > self._limits.expanded_bytes + MEBIBYTE:
            raise TrainingRejected(
                f"model archive: expands beyond {self._limits.expanded_bytes} bytes; save less into SM_MODEL_DIR"
            )
