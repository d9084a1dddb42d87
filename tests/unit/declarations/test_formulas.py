"""Formulas: what is taken, what is refused and how it is said, and that a text and its tree mean the same."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly_line import Feature, count, days, expression, ratio, static
from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.declarations.formulas import Constant, Operation, Reference, Term, parsed, references
from assembly_line.errors import DeclarationError
from tests.unit.features.small_world import EVENTS, VISITS, a_line

NAMES = ("a", "b_30d", "a-b", "class", "abs")


def operations(operands: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    one = st.builds(lambda sign, term: Operation(sign, (term,)), st.sampled_from(["negative", "abs", "not"]), operands)
    two = st.builds(
        lambda sign, left, right: Operation(sign, (left, right)),
        st.sampled_from(["+", "-", "*", "/", "<", ">=", "==", "and", "or", "min", "coalesce"]),
        operands,
        operands,
    )
    three = st.builds(lambda *terms: Operation("if", terms), operands, operands, operands)
    return one | two | three


LEAVES = st.sampled_from([Reference(name) for name in NAMES]) | st.sampled_from([0.0, 1.5, 1e300, 7.0, True]).map(
    Constant
)
TREES = st.recursive(LEAVES, operations, max_leaves=12)


@given(tree=TREES)
def test_the_text_of_a_tree_reads_as_that_tree(tree: Term) -> None:
    text = str(tree)

    assert shape(parsed(text)) == shape(tree)
    assert str(parsed(text)) == text


def shape(tree: Term) -> object:
    """`a and b and c` is one operation or two, and means the same."""
    if not isinstance(tree, Operation):
        return tree
    operands = [shape(operand) for operand in tree.operands]
    if tree.sign in ("and", "or") and isinstance(operands[0], tuple) and operands[0][0] == tree.sign:
        operands = [*operands[0][1:], *operands[1:]]
    return (tree.sign, *operands)


def test_blanks_and_needless_parentheses_make_no_other_feature() -> None:
    assert expression("((a)+ b_30d*2)") == expression("a + b_30d * 2.0")
    assert expression("(a + b) * 2") != expression("a + b * 2")


def test_a_name_that_reads_otherwise_is_written_as_a_feature() -> None:
    assert references(parsed('feature("a-b") - a - b + feature("class")')) == ("a-b", "a", "b", "class")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected text such as"),
        ("a +", "is no formula"),
        ("a\0", "is no formula"),
        ("(" * 500 + "a" + ")" * 500, "is no formula"),
        ("a ** 9 ** 9", "is not part of a formula"),
        ("a % 2", "is not part of a formula"),
        ("a < b < c", "is not part of a formula"),
        ("'a' == a", "is not part of a formula"),
        ("a.__class__", "is not part of a formula"),
        ("a[0]", "is not part of a formula"),
        ("(lambda: a)()", "is not part of a formula"),
        ("[a for a in b]", "is not part of a formula"),
        ("__import__('os').system('true')", "is not part of a formula"),
        ("eval(a)", "is not part of a formula"),
        ("abs(x=a)", "is not part of a formula"),
        ("min(*a, b)", "is not part of a formula"),
        ("abs(a, b)", "abs() has 2 values, expected 1"),
        ("min(a)", "min() has 1 values, expected 2 to 20"),
        ("_a + 1", "'_a' cannot be the name of a feature"),
        ("a + 1e999", "beyond the range of float64"),
        ("1 + 2", "refers to no feature"),
        ("+".join(["a"] * 400), "terms; at most 300"),
        ("a + " + "1" * 3000, "characters; at most 2000"),
    ],
)
def test_what_is_no_formula_is_refused(text: str, said: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        expression(text)

    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ({"x": expression("events_n + gone")}, "feature x: expression of 'gone', which is not a feature of the line"),
        ({"x": expression("kind + 1")}, "kind is string; + takes a number there"),
        ({"x": expression("events_n + (events_n > 1)")}, "events_n > 1 is boolean; + takes a number there"),
        ({"x": expression("1 if events_n else 2")}, "events_n is float64; the condition of if takes a boolean there"),
        ({"x": expression("True < (events_n > 1)")}, "True is boolean; < takes a number there"),
        ({"x": expression("coalesce(events_n, events_n > 1)")}, "coalesce takes a number there"),
        ({"x": expression("x + events_n")}, "x -> x: a feature cannot be made of itself"),
        (
            {"x": expression("y + events_n"), "y": ratio("x", "events_n")},
            "x -> y -> x: a feature cannot be made of itself",
        ),
        ({"x": ratio("kind", "events_n")}, "ratio of 'kind', which is string, not a number"),
    ],
)
def test_an_expression_that_contradicts_its_line_is_refused(features: dict[str, Feature], said: str) -> None:
    known: dict[str, Feature] = {"events_n": count(EVENTS, window=days(1)), "kind": static(VISITS, "kind")}
    line = a_line()
    training = replace(line.training, baseline="events_n")

    with pytest.raises(DeclarationError) as refused:
        replace(line, features={**known, **features}, training=training)

    assert said in str(refused.value)


def test_expressions_survive_json() -> None:
    line = a_line()

    assert line_from_json(json.loads(json.dumps(line_to_json(line)))) == line
