"""Releases in S3: content-addressed, written once, read by every handler and job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from assembly_line.canonical import digest_bytes
from assembly_line.errors import NotFound
from assembly_line.names import release_code_prefix, release_prefix
from assembly_line.packages import REQUIREMENTS, WHEELS
from assembly_line.release import Release, release_from_json
from assembly_line.storage.services.objects import ObjectStore
from assembly_line.training import installable

DOCUMENT = "release.json"
# File name -> SHA-256 of each wheel. The release itself names the digests alone, in its requirements.
WHEELS_DOCUMENT = "wheels.json"
KEPT = 128


class ReleaseStore:
    """The releases of the store bucket. One that was read is kept: a release never changes."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._kept = lru_cache(KEPT)(self._read)

    def has(self, release: Release) -> bool:
        """Whether it is published, whole."""
        return self._store.exists(release_prefix(release.digest) + DOCUMENT)

    def publish(self, release: Release, wheels: Mapping[str, bytes] | None = None) -> str:
        """Store a release and return its digest. The document is written last: what it names is there.

        Args:
            wheels: file name -> content of each wheel that the release carries; of a published one they are there.
        """
        digest = release.digest
        for name, content in installable(release.scripts).items():
            self._store.add(release_code_prefix(digest) + name, content, content_type="text/x-python")
        if REQUIREMENTS in release.scripts:
            self._store.add(_script_key(digest, REQUIREMENTS), release.scripts[REQUIREMENTS])
        for name, content in (wheels or {}).items():
            self._store.add(f"{release_code_prefix(digest)}{WHEELS}/{name}", content)
        if wheels:
            index = {name: digest_bytes(content) for name, content in sorted(wheels.items())}
            self._store.add_json(release_prefix(digest) + WHEELS_DOCUMENT, index)
        self._store.add_json(release_prefix(digest) + DOCUMENT, release.to_json())
        return digest

    def wheels(self, release: Release) -> Iterator[tuple[str, bytes]]:
        """File name and content of each wheel that a release carries, in order of name.

        Raises:
            NotFound: one is gone, altered, or another one than the release names.
        """
        if not release.packages:
            return
        digest = release.digest
        index = self._store.read_json(release_prefix(digest) + WHEELS_DOCUMENT)
        missing = {package.digest for package in release.packages} ^ set(index.values())
        if missing:
            raise NotFound(
                f"release {digest}: its wheels are other ones than {REQUIREMENTS} names; publish the line again "
                "with `line release`"
            )
        for name, expected in sorted(index.items()):
            content = self._store.read(f"{release_code_prefix(digest)}{WHEELS}/{name}")
            if digest_bytes(content) != expected:
                raise NotFound(f"release {digest}: wheel {name} is altered; publish the line again with `line release`")
            yield name, content

    def read_scripts(self, digest: str, scripts: Mapping[str, str]) -> dict[str, bytes]:
        """The content of some scripts of a release.

        Args:
            scripts: name -> digest of its content.

        Raises:
            NotFound: one is gone or altered.
        """
        found = {name: self._store.read(_script_key(digest, name)) for name in scripts}
        for name, expected in scripts.items():
            if digest_bytes(found[name]) != expected:
                raise NotFound(
                    f"release {digest}: script {name} is altered; publish the line again with `line release`"
                )
        return found

    def read(self, digest: str) -> Release:
        """The release of that digest.

        Raises:
            NotFound: it was never published, or a script is gone or altered.
        """
        found: Release = self._kept(digest)
        return found

    def _read(self, digest: str) -> Release:
        document = self._store.read_json(release_prefix(digest) + DOCUMENT)
        scripts = {name: self._store.read(_script_key(digest, name)) for name in document["scripts"]}
        return release_from_json(document, scripts)


def _script_key(digest: str, name: str) -> str:
    """Where a script lies as it was released. `requirements.txt` is another one in the folder of the container."""
    return (release_prefix if name == REQUIREMENTS else release_code_prefix)(digest) + name
