"""Leaves out of programs what no tensor depends on: dropouts, scales, names of activations."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from genfix.engines.modeling.module_nodes import PLAIN
from genfix.json_types import JsonValue

__all__ = ["asked", "pruned", "references"]

_PURE: Final = frozenset(
    [
        *("range", "len", "int", "max", "min", "list", "tuple", "sum", "enumerate", "zip", "getattr"),
        *("hasattr", "isinstance", "str", "bool", "abs", "round", "float", "set", "sorted", "reversed"),
        *("math.ceil", "math.floor", "math.sqrt", "math.log", "math.log2", "torch.tensor"),
        *("torch.arange", "torch.linspace", "torch.zeros", "torch.ones", "torch.empty", "torch.full"),
        *("torch.device", "torch.Size", "dict", "logger.warning_once", "print", "super", "type"),
        *("torch.get_default_dtype", "torch.finfo", "partial", "deepcopy", "copy.deepcopy"),
    ]
)
"""Functions whose results are no modules."""
_METHODS: Final = frozenset(
    [
        *("get_text_config", "lower", "copy", "get", "index", "tolist", "split", "item", "keys"),
        *("values", "items", "sum", "startswith", "endswith", "to_dict"),
    ]
)
_NO_SIZES: Final = frozenset(
    [
        *("eps", "padding_idx", "stride", "padding", "dilation", "inplace", "dtype", "device"),
        *("momentum", "p", "approximate", "dim", "max_norm", "sparse", "mode", "output_padding"),
        *("ceil_mode", "scale_factor", "align_corners", "padding_mode", "requires_grad"),
        *("negative_slope",),
    ]
)
"""Arguments of torch's modules that no shape depends on."""


def asked(code: JsonValue, found: set[str]) -> None:
    """Add the names that a program reads: ``x``, ``@attribute`` of its object, ``.attribute`` of others."""
    match code:
        case str(name):
            found.add(name)
        case ["'", _]:
            pass
        case ["=", target, value]:
            if not isinstance(target, str):
                asked(target, found)
            asked(value, found)
        case [".", held, str(name)]:
            if not _is_config(held):
                found.add(f".{name}")
            asked(held, found)
        case ["(", function, given, named]:
            asked(function, found)  # a name may be a variable that holds a class
            asked(given, found)
            asked(named, found)
        case [*parts]:
            for part in parts:
                asked(part, found)
        case dict(parts) if "#" not in parts:
            for part in parts.values():
                asked(part, found)
        case _:
            pass


def _is_config(code: JsonValue) -> bool:
    match code:
        case str(name):
            return "config" in name
        case [".", held, str(name)]:
            return "config" in name or _is_config(held)
        case _:
            return False


def references(code: JsonValue) -> Iterator[str]:
    """The numbers of the programs that one refers to."""
    match code:
        case str(name) if name.startswith("#"):
            yield name
        case ["'", _]:
            pass
        case [*parts]:
            for part in parts:
                yield from references(part)
        case dict(parts):
            for part in parts.values():
                yield from references(part)
        case _:
            pass


def pruned(
    body: Sequence[JsonValue], used: frozenset[str], parameters: Mapping[str, frozenset[str] | None]
) -> list[JsonValue]:
    """``body`` without what nobody asks for.

    ``used`` are the attributes that others ask for; ``parameters`` are, by program, the arguments that it
    asks for, `None` for one that builds nothing.
    """
    pruner = _Pruner(parameters)
    while True:
        names = set(used)
        asked([*body], names)
        shorter = pruner.kept(body, names)
        if shorter == body:
            return shorter
        body = shorter


class _Pruner:
    def __init__(self, parameters: Mapping[str, frozenset[str] | None]) -> None:
        self.parameters = parameters

    def kept(self, body: Sequence[JsonValue], names: set[str]) -> list[JsonValue]:
        found: list[JsonValue] = []
        for statement in body:
            match statement:
                case ["=", str(target), value]:
                    if self._matters(target, value, names):
                        found.append(["=", target, self._call(value)])
                case ["super", "", *_]:
                    pass
                case ["super", str(base), *_] if self.parameters.get(base, frozenset()) is None:
                    pass
                case ["do", ["(", "@register_buffer", given, {"persistent": False}]]:
                    del given
                case ["if", test, list(then), list(otherwise)]:
                    inner, other = self.kept(then, names), self.kept(otherwise, names)
                    if inner or other:
                        found.append(["if", test, inner, other])
                case ["for", target, iterated, list(inside)]:
                    if inner := self.kept(inside, names):
                        found.append(["for", target, iterated, inner])
                case _:
                    found.append(self._call(statement))
        return found

    def _matters(self, target: str, value: JsonValue, names: set[str]) -> bool:
        if (
            target == "@_tied_weights_keys"
            or target in names
            or (target.startswith("@") and f".{target[1:]}" in names)
        ):
            return True
        return target.startswith("@") and self._may_build(value)

    def _may_build(self, code: JsonValue) -> bool:
        """Whether a value may be a module with tensors, or a tensor."""
        match code:
            case ["(", str(name), *_]:
                if name.startswith("nn."):
                    return name[3:] not in PLAIN
                return name not in _PURE and self.parameters.get(name, frozenset()) is not None
            case ["(", [".", _, str(name)], *_] if name in _METHODS:
                return False
            case ["(", *_]:
                return True
            case ["[", "ACT2FN", _]:
                return False
            case [*parts]:
                return any(map(self._may_build, parts))
            case _:
                return False

    def _call(self, code: JsonValue) -> JsonValue:
        """A value without arguments that are not asked for."""
        match code:
            case ["'", _]:
                return code
            case ["(" | "super" as kind, str(name), given, dict(named)]:
                named = {key: self._call(value) for key, value in named.items() if self._takes(name, key)}
                return [kind, name, self._call(given), named]
            case [*parts]:
                return [self._call(part) for part in parts]
            case dict(parts):
                return {key: self._call(part) for key, part in parts.items()}
            case _:
                return code

    def _takes(self, name: str, argument: str) -> bool:
        if name.startswith("nn."):
            return argument not in _NO_SIZES
        if not name.startswith("#"):
            return True
        taken = self.parameters.get(name, frozenset())
        return taken is None or argument in taken
