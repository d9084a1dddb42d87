"""Arguments held to their annotations: one check for every class and function of a declaration, and of a notebook."""

from __future__ import annotations

import inspect
import reprlib
import sys
from collections.abc import Callable, Iterable, KeysView, Mapping, Set
from contextlib import suppress
from dataclasses import is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache, wraps
from numbers import Integral, Real
from operator import index
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
    **dict.fromkeys(("ContinuousRange", "IntegerRange", "CategoricalRange"), ("a range", "IntegerRange(2, 8)")),
    **dict.fromkeys(("Aggregate", "Share", "UdfFeature", "Latest", "SinceLast", "Ratio", "Expression"), FEATURE),
    **dict.fromkeys(("FixedCadence", "CalendarCadence"), CADENCE),
    **dict.fromkeys(("AggregateTable", "WideTable"), TABLE),
    **dict.fromkeys(("Fresh", "Nulls", "Between", "OneOf", "Unique", "Volume", "Predictive", "AllowLeak"), RULE),
}


def typed(target: Target) -> Target:
    """Decorate a dataclass or a function: an argument that is not of its annotated type is refused by name.

    Text, numbers and times of a class of their own, as of an enumeration or of another library, become Python's own. A
    list becomes a tuple, a set a tuple in ascending order, and a mapping a dict of its own. A float of fewer bits than
    Python's becomes the number that it is written as.
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
    value = _own(place, value)
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
            return {
                key: _fitted(f"{place}[{key!r}]", of_values, one) for key, one in zip(keys, value.values(), strict=True)
            }
        if kind in (tuple, Iterable) and isinstance(value, kind | list) and _several(value):
            found = tuple(_fitted(f"{place}[{at}]", get_args(member)[0], one) for at, one in enumerate(value))
            # Keys of a dict are a set, too, but in the order in which they were written.
            return _ascending(found) if isinstance(value, Set) and not isinstance(value, KeysView) else found
        if kind in (int, float):
            number = _number(kind, value)
            if number is not None:
                return number
        elif kind is not Iterable and isinstance(kind, type) and isinstance(value, kind):
            return value
    raise _refused(place, _shown(value), _expected(hint))


def _refused(place: str, shown: str, expected: str, *, reason: str = "", advice: str = "") -> DeclarationError:
    text = f"{place} is {shown}{reason}; expected {expected}{advice}"
    return DeclarationError(text, where=place, value=shown, expected=expected)


def _own(place: str, value: object) -> object:
    """The same value; text, numbers and times in Python's own types, so that it is the one that JSON keeps.

    Raises:
        DeclarationError: nothing can write, compare or keep it exactly.
    """
    own = next((own for kind, own in _OWN.items() if isinstance(value, kind)), None)
    return value if own is None else own(place, value)


def _several(value: object) -> bool:
    """Whether one can go through it. An array of numpy without an axis claims so."""
    if isinstance(value, NO_SEQUENCE):
        return False
    with suppress(TypeError):
        return iter(value) is not None  # type: ignore[call-overload]
    return False


def _ascending(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a set holds, in one order for every process: Python's own order of text changes from one to the next."""
    fixed = sorted(values, key=lambda value: (type(value).__name__, repr(value)))
    try:
        return tuple(sorted(fixed))
    except TypeError:
        return tuple(fixed)


def _str(_: str, value: str) -> object:
    # The text itself, not how its class writes it: an enumeration writes the name of the member.
    return str.__str__(value)


def _int(place: str, value: int) -> object:
    if abs(value) > GREATEST:
        raise _refused(place, _shown(value), f"a number of at most {GREATEST:.1e}")
    return value if isinstance(value, bool) else int.__index__(value)


def _float(_: str, value: float) -> object:
    return float.__float__(value)


def _decimal(place: str, value: Decimal) -> object:
    if value.is_snan():
        raise _refused(place, _shown(value), "a number that can be compared")
    return Decimal(value)


def _date(_: str, value: date) -> object:
    return value if type(value) is date else date(value.year, value.month, value.day)


def _timedelta(place: str, value: timedelta) -> object:
    if type(value) is timedelta:
        return value
    return _same(place, value, timedelta(value.days, value.seconds, value.microseconds))


def _datetime(place: str, value: datetime) -> object:
    try:
        own = datetime.combine(value.date(), value.time(), value.tzinfo)
        if own.tzinfo is not None:
            own.astimezone(UTC)
    except (OverflowError, ValueError) as error:
        expected, reason = "one of the years 1 to 9999 in UTC", ", which is no instant of UTC"
        raise _refused(place, str(value), expected, reason=reason) from error
    return value if type(value) is datetime else _same(place, value, own)


_OWN: Mapping[type, Callable[[str, Any], object]] = {
    str: _str,
    int: _int,
    float: _float,
    Decimal: _decimal,
    datetime: _datetime,
    date: _date,
    timedelta: _timedelta,
}


def _same(place: str, value: object, own: object) -> object:
    if value != own:
        raise _refused(place, str(value), "nothing finer than microseconds", advice=", so round it")
    return own


def _members(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _number(kind: type[int | float], value: object) -> int | float | None:
    """Python's own number: those of other libraries, such as numpy's, are written and computed differently."""
    if isinstance(value, bool):
        return None
    if isinstance(value, Integral):
        # numpy calls a length of time a whole number, too, but lets nobody count with it.
        with suppress(TypeError):
            # A whole number stays one where any number is allowed: releases keep it as it was written.
            return index(value)
    if kind is float and isinstance(value, Real | Decimal) and not isinstance(value, Integral):
        with suppress(OverflowError):
            # numpy's other floats are written as short as they can be told apart.
            return float(str(value) if hasattr(value, "dtype") else value)
    return None


def _shown(value: object) -> str:
    if is_dataclass(value):
        return f"{type(value).__name__}(...)"
    try:
        return reprlib.repr(value)
    except ValueError:
        # Python does not write an integer of thousands of digits.
        return f"an int of {value.bit_length()} bits" if isinstance(value, int) else f"{type(value).__name__}(...)"


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
