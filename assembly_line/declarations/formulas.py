"""Formulas over features: a small language of its own, read into a tree. Nothing of it is ever run as Python."""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from assembly_line.declarations.checks import NAME, require
from assembly_line.errors import DeclarationError

LONGEST = 2000  # characters
LARGEST = 300  # terms

ARITHMETIC = ("+", "-", "*", "/", "negative", "abs", "log1p")
EXTREMES = ("min", "max")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
LOGIC = ("and", "or", "not")
# Function -> least and greatest number of operands.
FUNCTIONS = {"abs": (1, 1), "log1p": (1, 1), "is_null": (1, 1), "min": (2, 20), "max": (2, 20), "coalesce": (2, 20)}
SIGNS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.And: "and",
    ast.Or: "or",
    ast.Not: "not",
    ast.USub: "negative",
}
STRENGTHS = (("if",), ("or",), ("and",), ("not",), COMPARISONS, ("+", "-"), ("*", "/"), ("negative",))
STRENGTH = {sign: strength for strength, signs in enumerate(STRENGTHS) for sign in signs}
WORDS = "numbers, True, False, features, + - * /, comparisons, and, or, not, `a if condition else b`, " + ", ".join(
    f"{name}()" for name in (*FUNCTIONS, "feature")
)


@dataclass(frozen=True, slots=True)
class Constant:
    """A finite number, or a truth value."""

    value: float | bool

    def __str__(self) -> str:
        whole = not isinstance(self.value, bool) and self.value.is_integer() and abs(self.value) < 1e15
        return str(int(self.value)) if whole else str(self.value)


@dataclass(frozen=True, slots=True)
class Reference:
    """The value of another feature."""

    name: str

    def __str__(self) -> str:
        return self.name if _is_plain(self.name) else f'feature("{self.name}")'


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator or function over operands; `if` has condition, value, other value."""

    sign: str
    operands: tuple[Term, ...]

    def __str__(self) -> str:
        if self.sign in FUNCTIONS:
            return f"{self.sign}({', '.join(map(str, self.operands))})"
        strength = STRENGTH[self.sign]
        if self.sign == "if":
            condition, value, other = (_bound(operand, strength) for operand in self.operands)
            return f"{value} if {condition} else {other}"
        if len(self.operands) == 1:
            return f"{'-' if self.sign == 'negative' else 'not '}{_bound(self.operands[0], strength)}"
        first, *others = self.operands
        # Operators of one strength are taken from the left; comparisons never follow each other.
        left = _bound(first, strength if self.sign in COMPARISONS else strength - 1)
        return f" {self.sign} ".join([left, *(_bound(operand, strength) for operand in others)])


Term = Constant | Reference | Operation


@cache
def parsed(text: str) -> Term:
    """The tree of a formula.

    Raises:
        DeclarationError: it is not one; the message says what is.
    """
    require(bool(text.strip()), f"formula {text!r}: expected text such as '(a - b) / c'")
    require(len(text) <= LONGEST, f"formula {text[:40]!r}...: has {len(text)} characters; at most {LONGEST} are taken")
    try:
        with warnings.catch_warnings():
            # Python's advice on odd comparisons is about Python.
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise DeclarationError(
            f"formula {text!r}: is no formula ({str(error).splitlines()[0]}); it may hold {WORDS}",
            where="formula",
            value=repr(text),
            expected=f"a formula of {WORDS}",
        ) from error
    terms = sum(isinstance(node, ast.expr) for node in ast.walk(tree))
    require(terms <= LARGEST, f"formula {text[:40]!r}...: has {terms} terms; at most {LARGEST} are taken")
    return _Reading(text).term(tree.body)


def references(term: Term) -> tuple[str, ...]:
    """Features that a formula refers to, each once, in order."""
    return tuple(dict.fromkeys(_references(term)))


def _references(term: Term) -> Iterator[str]:
    if isinstance(term, Reference):
        yield term.name
    elif isinstance(term, Operation):
        for operand in term.operands:
            yield from _references(operand)


class _Reading:
    """One formula, read term by term; what is not known is refused."""

    def __init__(self, text: str) -> None:
        self._place = f"formula {text!r}"

    def term(self, node: ast.expr) -> Term:
        match node:
            case ast.Constant(value=bool() | int() | float() as value):
                return self._constant(value)
            case ast.Name(id=name):
                return self._reference(name)
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in SIGNS:
                return self._operation(sign, left, right)
            case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in SIGNS:
                return self._operation(sign, left, right)
            case ast.BoolOp(op=sign, values=operands):
                return self._operation(sign, *operands)
            case ast.UnaryOp(op=sign, operand=operand) if type(sign) in SIGNS:
                return self._operation(sign, operand)
            case ast.IfExp(test=condition, body=value, orelse=other):
                return Operation("if", tuple(map(self.term, (condition, value, other))))
            case ast.Call(func=ast.Name(id="feature"), args=[ast.Constant(value=str() as name)], keywords=[]):
                return self._reference(name)
            case ast.Call(func=ast.Name(id=function), args=operands, keywords=[]) if function in FUNCTIONS:
                return self._call(function, operands)
        raise DeclarationError(
            f"{self._place}: {ast.unparse(node)!r} is not part of a formula; it may hold {WORDS}",
            where=self._place,
            value=repr(ast.unparse(node)),
            expected=WORDS,
        )

    def _constant(self, value: float) -> Constant:
        try:
            found = value if isinstance(value, bool) else float(value)
        except OverflowError:
            found = math.inf
        require(math.isfinite(found), f"{self._place}: a number is beyond the range of float64")
        return Constant(found)

    def _reference(self, name: str) -> Reference:
        require(bool(NAME.fullmatch(name)), f"{self._place}: {name!r} cannot be the name of a feature")
        return Reference(name)

    def _operation(self, sign: ast.AST, *operands: ast.expr) -> Operation:
        return Operation(SIGNS[type(sign)], tuple(map(self.term, operands)))

    def _call(self, function: str, operands: list[ast.expr]) -> Operation:
        least, most = FUNCTIONS[function]
        expected = str(least) if least == most else f"{least} to {most}"
        require(
            least <= len(operands) <= most,
            f"{self._place}: {function}() has {len(operands)} values, expected {expected}",
        )
        return Operation(function, tuple(map(self.term, operands)))


def _bound(operand: Term, strength: int) -> str:
    """An operand's text, in parentheses where its operator does not bind more strongly than `strength`."""
    weak = isinstance(operand, Operation) and STRENGTH.get(operand.sign, len(STRENGTHS)) <= strength
    negative = isinstance(operand, Constant) and operand.value < 0
    return f"({operand})" if weak or negative else str(operand)


@cache
def _is_plain(name: str) -> bool:
    try:
        return isinstance(ast.parse(name, mode="eval").body, ast.Name)
    except SyntaxError:
        return False
