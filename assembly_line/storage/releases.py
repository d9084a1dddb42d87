"""Releases in S3: content-addressed, written once, read by every handler and job."""

from __future__ import annotations

from assembly_line.names import release_code_prefix, release_prefix
from assembly_line.release import Release, release_from_json
from assembly_line.storage.objects import ObjectStore

DOCUMENT = "release.json"


class ReleaseStore:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def publish(self, release: Release) -> str:
        """Store a release and return its digest. The document is written last: what it names is there."""
        digest = release.digest
        for name, content in release.scripts.items():
            self._store.add(release_code_prefix(digest) + name, content, content_type="text/x-python")
        self._store.add_json(release_prefix(digest) + DOCUMENT, release.to_json())
        return digest

    def read(self, digest: str) -> Release:
        """The release of that digest.

        Raises:
            NotFound: it was never published, or a script is gone or altered.
        """
        document = self._store.read_json(release_prefix(digest) + DOCUMENT)
        scripts = {name: self._store.read(release_code_prefix(digest) + name) for name in document["scripts"]}
        return release_from_json(document, scripts)
