"""Arguments held to their annotations: one check for every class and function of a declaration, and of a notebook."""

from __future__ import annotations

import inspect
import reprlib
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from decimal import Decimal
from functools import cache, wraps
from numbers import Integral, Real
from types import GenericAlias, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from assembly_line.errors import AssemblyError, DeclarationError, RequestRefused

Target = TypeVar("Target", bound=Callable[..., Any])
GREATEST = sys.float_info.max
FEATURE = ("a feature", "count(PURCHASES, window=days(30))")
CADENCE = ("a cadence", 'daily(at="06:30", zone="UTC")')
NO_SEQUENCE = (str, bytes, Mapping)
TABLE = ("a table", 'aggregate("sales", SALES, period="day", measures={"sales": measure("count")})')
RULE = ("a quality rule", 'nulls("spend_30d", at_most=0.1)')
# Class -> what people call it, and how they write one. A class that is not here is written by its own name.
WRITTEN = {
    "NoneType": ("None", "None"),
    "Any": ("anything", "..."),
    "str": ("text", '"abc"'),
    "Path": ("a path", 'Path("raw")'),
    "Line": ("a line", "Line(...)"),
    "tuple": ("a tuple", ""),
    "Iterable": ("a list", ""),
    "Mapping": ("a dict", ""),
    "int": ("a whole number", "1"),
    "float": ("a number", "0.2"),
    "bool": ("True or False", "True"),
    "timedelta": ("a timedelta", "days(14)"),
    "datetime": ("a datetime with a zone", "datetime(2026, 1, 31, tzinfo=UTC)"),
    "Decimal": ("a Decimal", 'Decimal("0.20")'),
    "date": ("a date", "date(2026, 1, 31)"),
    "Entity": ("an entity", 'Entity("household", keys={"household_id": "int64"})'),
    "Source": ("a source", "Source(...)"),
    "Predicate": ("a predicate", 'column("kind") == "a"'),
    "CalendarWindow": ("a window of the calendar", 'months(3, zone="UTC")'),
    "StaticFeature": ("a static feature", 'static(CAMPAIGNS, "start_date")'),
    "Measure": ("a measure", 'measure("count")'),
    **dict.fromkeys(("Aggregate", "Share", "UdfFeature", "Latest", "SinceLast", "Ratio", "Expression"), FEATURE),
    **dict.fromkeys(("FixedCadence", "CalendarCadence"), CADENCE),
    **dict.fromkeys(("AggregateTable", "WideTable"), TABLE),
    **dict.fromkeys(("Fresh", "Nulls", "Between", "OneOf", "Unique", "Volume", "Predictive", "AllowLeak"), RULE),
}


def typed(target: Target) -> Target:
    """Decorate a dataclass or a function: an argument that is not of its annotated type is refused by name.

    Numbers of other libraries become Python's own, a list becomes a tuple, and a mapping a dict of its own.
    """
    if isinstance(target, type):
        target.__init__ = _held(target.__init__, target)  # type: ignore[misc]
        return target
    return _held(target, target)  # type: ignore[return-value]


def typed_request(target: Target) -> Target:
    """Decorate a function that people call with what they want: as `typed`, but it raises RequestRefused."""
    place = f"{target.__module__.rpartition('.')[2]}.{target.__name__}"
    return _held(target, target, place=place, refusal=RequestRefused)  # type: ignore[return-value]


def _held(
    function: Callable[..., Any],
    annotated: Callable[..., Any],
    *,
    place: str = "",
    refusal: type[AssemblyError] = DeclarationError,
) -> Callable[..., Any]:
    @cache
    def known() -> tuple[inspect.Signature, dict[str, Any]]:
        # Asked for late: a class may name itself, and a process makes few of the declarations that there are.
        return inspect.signature(function), get_type_hints(annotated)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        signature, hints = known()
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return function(*args, **kwargs)  # Python says best which argument is missing or misspelt
        name = bound.arguments.get("name")
        whole = place or (f"{annotated.__name__} {name}" if isinstance(name, str) else annotated.__name__)
        for parameter in [one for one in bound.arguments if one in hints]:
            several = signature.parameters[parameter].kind is inspect.Parameter.VAR_POSITIONAL
            hint = GenericAlias(tuple, (hints[parameter], ...)) if several else hints[parameter]
            try:
                bound.arguments[parameter] = _fitted(f"{whole}: {parameter}", hint, bound.arguments[parameter])
            except DeclarationError as error:
                raise refusal(str(error), where=error.where, value=error.value, expected=error.expected) from None
        return function(*bound.args, **bound.kwargs)

    return call


def _fitted(place: str, hint: Any, value: Any) -> Any:
    """The value in the form that the annotation names.

    Raises:
        DeclarationError: it has another type; names the place, the value, what was expected, and an example.
    """
    members = _members(hint)
    if type(value) in members or Any in members:
        return value
    for member in members:
        kind = get_origin(member) or member
        if kind is Literal and isinstance(value, str) and value in get_args(member):
            return value
        if kind is Mapping and isinstance(value, Mapping):
            of_keys, of_values = get_args(member)
            keys = [_fitted(f"{place}: name", of_keys, key) for key in value]
            return {key: _fitted(f"{place}[{key!r}]", of_values, value[key]) for key in keys}
        if kind in (tuple, Iterable) and isinstance(value, kind | list) and not isinstance(value, NO_SEQUENCE):
            return tuple(_fitted(f"{place}[{at}]", get_args(member)[0], one) for at, one in enumerate(value))
        if kind in (int, float):
            number = _number(kind, value)
            if number is not None:
                return number
        elif kind is not Iterable and isinstance(kind, type) and isinstance(value, kind):
            return value
    shown, expected = _shown(value), _expected(hint)
    raise DeclarationError(f"{place} is {shown}; expected {expected}", where=place, value=shown, expected=expected)


def _members(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _number(kind: type[int | float], value: object) -> int | float | None:
    """Python's own number: those of other libraries, such as numpy's, are written and computed differently."""
    # A whole number stays one where any number is allowed: releases keep it as it was written.
    if isinstance(value, Integral) and not isinstance(value, bool):
        number = int(value)
        return number if kind is int or abs(number) < GREATEST else None
    return float(value) if kind is float and isinstance(value, Real | Decimal) and not isinstance(value, bool) else None


def _shown(value: object) -> str:
    return f"{type(value).__name__}(...)" if is_dataclass(value) else reprlib.repr(value)


def _expected(hint: Any) -> str:
    words = " or ".join(dict.fromkeys(_words(member) for member in _members(hint)))
    return words if words.startswith("one of") else f"{words}, such as {_example(hint)}"


def _words(member: Any) -> str:
    kind = get_origin(member) or member
    if kind is Literal:
        return f"one of {', '.join(map(repr, get_args(member)))}"
    return WRITTEN.get(kind.__name__, (f"{kind.__name__}(...)", ""))[0]


def _example(hint: Any) -> str:
    member = _members(hint)[0]
    kind, inner = get_origin(member) or member, [_example(one) for one in get_args(member) if one is not ...]
    if kind is Literal:
        return repr(get_args(member)[0])
    if kind is Mapping:
        return '{"household_id": "int64"}' if get_args(member)[1] is str else f'{{"name": {inner[1]}}}'
    if kind in (tuple, Iterable):
        return f"({inner[0]},)" if kind is tuple else f"[{inner[0]}]"
    return WRITTEN.get(kind.__name__, ("", f"{kind.__name__}(...)"))[1]
