"""Releases in S3: content-addressed, written once, read by every handler and job."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from assembly_line.canonical import digest_bytes
from assembly_line.errors import NotFound
from assembly_line.names import release_code_prefix, release_prefix
from assembly_line.release import Release, release_from_json
from assembly_line.storage.services.objects import ObjectStore
from assembly_line.training import installable

DOCUMENT = "release.json"
KEPT = 128


class ReleaseStore:
    """The releases of the store bucket. One that was read is kept: a release never changes."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._kept = lru_cache(KEPT)(self._read)

    def publish(self, release: Release) -> str:
        """Store a release and return its digest. The document is written last: what it names is there."""
        digest = release.digest
        for name, content in installable(release.scripts).items():
            self._store.add(release_code_prefix(digest) + name, content, content_type="text/x-python")
        self._store.add_json(release_prefix(digest) + DOCUMENT, release.to_json())
        return digest

    def read_scripts(self, digest: str, scripts: Mapping[str, str]) -> dict[str, bytes]:
        """The content of some scripts of a release.

        Args:
            scripts: name -> digest of its content.

        Raises:
            NotFound: one is gone or altered.
        """
        found = {name: self._store.read(release_code_prefix(digest) + name) for name in scripts}
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
        scripts = {name: self._store.read(release_code_prefix(digest) + name) for name in document["scripts"]}
        return release_from_json(document, scripts)
