"""Values of programs: arithmetic on what is known, and the few functions whose results matter."""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import isfinite
from typing import Final, TypeAlias

from genfix.engines.modeling.layer_numbers import LayerNumber, noted
from genfix.engines.modeling.module_configs import ConfigView
from genfix.engines.modeling.module_nodes import UNKNOWN, Node, Shape, Unknown

__all__ = ["TensorValue", "called", "computed", "truth"]

Function: TypeAlias = Callable[..., object]  # type: ignore[explicit-any]
"""One of Python's own: it is asked with values that it may not take."""
_LARGEST: Final = 1 << 40
_MAKERS: Final = frozenset(
    f"torch.{name}" for name in ("empty", "zeros", "ones", "rand", "randn", "Tensor", "FloatTensor")
)


class TensorValue:
    """A tensor, of which the shape may be known."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape


def truth(value: object) -> bool | None:
    """Whether a value counts as true; `None` where that is not known."""
    if isinstance(value, Unknown | TensorValue):
        return None
    if isinstance(value, LayerNumber):
        return bool(noted(_is_not_zero, [value]))
    return True if isinstance(value, Node | ConfigView) else bool(value)


def _is_not_zero(parts: Sequence[object]) -> bool:
    return bool(parts[0])


def computed(sign: str, parts: Sequence[object]) -> object:
    """The result of an operator."""
    return noted(partial(_computed, sign), parts)


def _computed(sign: str, parts: Sequence[object]) -> object:  # noqa: PLR0911 - one case an operator
    if sign == "not":
        decided = truth(parts[0])
        return UNKNOWN if decided is None else not decided
    if any(isinstance(part, Unknown) for part in parts):
        return UNKNOWN
    if sign == "f":
        return "".join(map(str, parts))
    if sign in ("is", "is not"):
        return _same(parts[0], parts[1]) is (sign == "is")
    if sign == "[":
        return _item(parts[0], parts[1])
    if sign == "[:":
        return _slice(parts[0], parts[1], parts[2])
    function = _OPERATORS.get(sign)
    if function is None or any(isinstance(part, Node | ConfigView | TensorValue) for part in parts):
        return UNKNOWN
    try:
        found = function(*parts)
    except (TypeError, ValueError, ArithmeticError):
        return UNKNOWN
    return UNKNOWN if isinstance(found, int) and abs(found) > _LARGEST else found


def _slice(held: object, start: object, end: object) -> object:
    if (
        not isinstance(held, list | str)
        or not isinstance(start, int | None)
        or not isinstance(end, int | None)
    ):
        return UNKNOWN
    return held[start:end]


def _same(left: object, right: object) -> bool:
    return left is right or (
        left is not None and right is not None and type(left) is type(right) and left == right
    )


def _item(held: object, place: object) -> object:
    try:
        if isinstance(held, list) and isinstance(place, int):
            return held[place]
        if isinstance(held, dict) and isinstance(place, str | int):
            return held.get(place, UNKNOWN)
    except IndexError:
        return UNKNOWN
    if isinstance(held, Node):
        if isinstance(place, int) and place < 0:
            place += len(held.children)
        return held.get(str(place))
    return UNKNOWN


def _power(left: object, right: object) -> object:
    if isinstance(left, int | float) and isinstance(right, int | float) and abs(right) < 64:
        return left**right
    return UNKNOWN


def _times(left: object, right: object) -> object:
    if isinstance(left, list) and isinstance(right, int):
        return left * right if len(left) * right <= 100_000 else UNKNOWN
    if isinstance(right, list) and isinstance(left, int):
        return right * left if len(right) * left <= 100_000 else UNKNOWN
    return (
        operator.mul(left, right)
        if isinstance(left, int | float) and isinstance(right, int | float)
        else UNKNOWN
    )


_OPERATORS: Final[Mapping[str, Function]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": _times,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": _power,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda value, of: value in of,
    "not in": lambda value, of: value not in of,
    "neg": operator.neg,
}


def called(name: str, given: Sequence[object], named: Mapping[str, object]) -> object:
    """The result of a function."""
    return noted(partial(_called, name, named=named), given)


def _called(name: str, given: Sequence[object], named: Mapping[str, object]) -> object:
    if name in _MAKERS:
        return TensorValue(_shape(given))
    if name in ("torch.normal", "normal") and "size" in named:
        return TensorValue(_shape([named["size"]]))
    if name in ("deepcopy", "copy.deepcopy", "copy.copy", "copy") and given:
        return given[0]
    if name == "torch.full":
        return TensorValue(_shape(given[:1]))
    if name in ("getattr", "hasattr"):
        return _attribute(name, given)
    function = _FUNCTIONS.get(name)
    if function is None or any(isinstance(value, Unknown) for value in (*given, *named.values())):
        return UNKNOWN
    try:
        return function(*given, **named)
    except (TypeError, ValueError, ArithmeticError):
        return UNKNOWN


def _attribute(name: str, given: Sequence[object]) -> object:
    match given:
        case [ConfigView() as config, str(field)] if name == "hasattr":
            marker = object()
            found = config.get(field, marker)
            return UNKNOWN if found is UNKNOWN else found is not marker
        case [ConfigView() as config, str(field), default]:
            return config.get(field, default)
        case [ConfigView() as config, str(field)]:
            return config.get(field)
        case _:
            return UNKNOWN


def _shape(given: Sequence[object]) -> Shape:
    sizes = given[0] if len(given) == 1 and isinstance(given[0], list) else given
    return tuple(
        int(size) if isinstance(size, int) and not isinstance(size, bool) else None for size in sizes
    )


def _range(*given: object) -> object:
    sizes = [size for size in given if isinstance(size, int)]
    if len(sizes) != len(given) or abs(max(sizes, key=abs)) > 100_000:
        return UNKNOWN
    return [LayerNumber(number) for number in range(*sizes)]


def _enumerate(values: object, start: object = 0) -> object:
    if not isinstance(values, list) or not isinstance(start, int):
        return UNKNOWN
    return [[LayerNumber(place), value] for place, value in enumerate(values, start)]


def _zip(*lists: object, strict: object = False) -> object:
    del strict
    if not all(isinstance(each, list) for each in lists):
        return UNKNOWN
    return [list(pair) for pair in zip(*(each for each in lists if isinstance(each, list)), strict=False)]


def _list(values: object = None) -> object:
    if values is None:
        return []
    if isinstance(values, dict):
        return list(values)
    return list(values) if isinstance(values, list | str) else UNKNOWN


def _int(value: object = 0) -> object:
    return int(value) if isinstance(value, int | float) and isfinite(value) else UNKNOWN


def _isinstance(*_: object) -> object:
    return UNKNOWN


def _no_flash_attention(*_: object) -> object:
    """All attentions build the same, and `_attn_implementation` is taken to be eager."""
    return False


def _len(value: object) -> object:
    if isinstance(value, Node):
        return UNKNOWN if value.is_open else len(value.children)
    return len(value) if isinstance(value, list | str | dict) else UNKNOWN


def _sum(values: object) -> object:
    numbers = (
        [value for value in values if isinstance(value, int | float)] if isinstance(values, list) else None
    )
    return (
        sum(numbers)
        if numbers is not None and isinstance(values, list) and len(numbers) == len(values)
        else UNKNOWN
    )


def _reversed(values: object) -> object:
    return values[::-1] if isinstance(values, list) else UNKNOWN


def _most(function: Function) -> Function:
    def of(*given: object) -> object:
        values = given[0] if len(given) == 1 else list(given)
        if not isinstance(values, list) or not all(isinstance(value, int | float) for value in values):
            return UNKNOWN
        return function(values)

    return of


_FUNCTIONS: Final[Mapping[str, Function]] = {
    "range": _range,
    "enumerate": _enumerate,
    "zip": _zip,
    "list": _list,
    "tuple": _list,
    "reversed": _reversed,
    "len": _len,
    "sum": _sum,
    "int": _int,
    "bool": bool,
    "str": str,
    "abs": abs,
    "round": round,
    "max": _most(max),
    "min": _most(min),
    "math.ceil": math.ceil,
    "math.floor": math.floor,
    "math.sqrt": math.sqrt,
    "OrderedDict": lambda value=None: value if isinstance(value, dict) else UNKNOWN,
    "dict": lambda **named: named,
    "is_flash_attention_requested": _no_flash_attention,
    "isinstance": _isinstance,
}
