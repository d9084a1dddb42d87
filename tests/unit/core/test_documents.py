"""A stored document is read as it was written, or refused with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly_line.documents import parse_document
from assembly_line.errors import DocumentUnreadable, MalformedMessage
from assembly_line.messages import parse_json

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
TWICE = [
    '{"run_id": "a", "run_id": "b"}',
    '{"run_id": "a", "run_id": "a"}',
    '{"a": [{"b": {"c": 1, "d": 2, "c": 1}}]}',
    '{"a": 1, "\\u0061": 2}',
]


@given(VALUES, st.booleans(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_what_was_written_is_read(value: Any, plain: bool, encoding: str) -> None:
    text = json.dumps(value, ensure_ascii=plain)
    content = text.encode(encoding, "surrogatepass")

    assert parse_document(content, of="here") == json.loads(content) == value
    assert parse_document(text, of="here") == value


@pytest.mark.parametrize("text", TWICE)
def test_a_member_that_stands_twice_is_refused_by_every_reader(text: str) -> None:
    for content in (text, text.encode()):
        with pytest.raises(DocumentUnreadable, match="a member appears twice in one object") as refused:
            parse_document(content, of="s3://store/champion.json")
        assert refused.value.where == "s3://store/champion.json"
        with pytest.raises(MalformedMessage, match="a member appears twice in one object"):
            parse_json(content)
