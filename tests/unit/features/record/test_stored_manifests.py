"""A manifest that an earlier version stored is read as a value, and written back byte for byte."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from assembly_line.canonical import canonical_json
from assembly_line.documents import stored_name
from assembly_line.errors import DocumentUnreadable
from assembly_line.features.model.manifests import Manifest

# As the version before manifests were values stored it.
STORED = Path(__file__).with_name("stored_manifest.json").read_bytes()


def test_a_stored_manifest_is_written_back_byte_for_byte() -> None:
    manifest = Manifest.from_json(json.loads(STORED))

    assert canonical_json(manifest.to_json()) == STORED
    assert manifest.since is None
    assert manifest.engine.name == "duckdb"
    assert all(finding.passed for finding in manifest.quality)


def test_one_of_an_older_version_lacks_what_came_later() -> None:
    document = json.loads(STORED)
    later = [
        stored_name(field.name)
        for field in fields(Manifest)
        if (field.default, field.default_factory) != (MISSING, MISSING)
    ]
    manifest = Manifest.from_json({name: value for name, value in document.items() if name not in later})

    assert (manifest.rules, manifest.sampling, manifest.warnings) == (None, None, ())
    assert manifest.logical_digest == document["logical_digest"]


def test_one_of_a_newer_version_is_read_without_what_it_added() -> None:
    assert Manifest.from_json({**json.loads(STORED), "added": 1}).rows == json.loads(STORED)["rows"]


def test_a_damaged_one_is_named_with_the_field() -> None:
    with pytest.raises(DocumentUnreadable, match=r"Manifest: rows: .* bring back"):
        Manifest.from_json({**json.loads(STORED), "rows": "many"})
