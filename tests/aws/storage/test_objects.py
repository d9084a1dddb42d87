"""What a bucket holds: the first of two conditional writes stays, what is absent is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from assembly_line.errors import NotFound
from assembly_line.storage.services.objects import ObjectStore


def test_the_first_of_two_conditional_writes_is_kept(store: ObjectStore) -> None:
    assert store.add("a.json", b"first")
    assert not store.add("a.json", b"second")
    assert store.read("a.json") == b"first"


@pytest.mark.parametrize("there", [True, False])
def test_a_write_at_the_same_time_as_another_is_tried_again(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    put, answers = store._s3.put_object, ["ConditionalRequestConflict", "ConditionalRequestConflict"]
    if there:
        store.write("a", b"first")

    def busy_twice(**asked: Any) -> Any:
        if answers:
            raise ClientError({"Error": {"Code": answers.pop(), "Message": "busy"}}, "PutObject")
        return put(**asked)

    monkeypatch.setattr(store._s3, "put_object", busy_twice)
    assert store.add("a", b"second") is not there
    assert store.read("a") == (b"first" if there else b"second")


def test_a_write_that_always_meets_another_fails_in_the_end(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ConditionalRequestConflict", "Message": "busy"}}, "PutObject")

    monkeypatch.setattr(store._s3, "put_object", busy)
    with pytest.raises(ClientError, match="ConditionalRequestConflict"):
        store.add("a", b"first")


def test_an_older_version_can_still_be_read(store: ObjectStore) -> None:
    first = store.write("a", b"first")
    store.write("a", b"second")

    assert store.read("a", version=first) == b"first"
    assert store.read("a") == b"second"
    assert store.version_of("a") != first


def test_a_part_of_a_version_comes_with_the_size_of_the_whole(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = store.write("a", b"0123456789")
    store.write("a", b"others")

    assert store.read_range("a", 2, 5, version=first) == (b"234", 10)
    assert store.read_range("a", 8, 20, version=first) == (b"89", 10)
    assert store.read_range("a", 50, 60, version=first)[0] == b""
    with pytest.raises(NotFound, match="s3://store/gone"):
        store.read_range("gone", 0, 1)
    # Some stores answer with all of an object.
    get = store._s3.get_object

    def get_whole(**asked: Any) -> Any:
        return get(**{name: value for name, value in asked.items() if name != "Range"})

    monkeypatch.setattr(store._s3, "get_object", get_whole)
    assert store.read_range("a", 2, 5, version=first) == (b"", 10)


def test_what_is_absent_is_named(store: ObjectStore, tmp_path: Path) -> None:
    assert not store.exists("gone")
    for attempt in (lambda: store.read("gone"), lambda: store.download("gone", tmp_path / "x")):
        with pytest.raises(NotFound, match="s3://store/gone"):
            attempt()


def test_lists_by_prefix_in_order(store: ObjectStore) -> None:
    for key in ("b/2", "b/1", "a/1"):
        store.write(key, b"12")

    assert [(item.key, item.size) for item in store.list("b/")] == [("b/1", 2), ("b/2", 2)]


def test_a_uri_of_another_bucket_is_refused(store: ObjectStore) -> None:
    assert store.key_of(store.uri("a/b")) == "a/b"
    with pytest.raises(NotFound, match="s3://elsewhere/a"):
        store.key_of("s3://elsewhere/a")
