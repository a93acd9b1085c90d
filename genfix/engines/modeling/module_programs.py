"""Follows the ``__init__`` of classes far enough to know which modules they build.

A condition that cannot be decided is followed both ways, and what only one way built may be absent. Nothing
is ever executed: programs are data (`genfix.engines.modeling.module_lines`), and values are numbers, texts,
lists, configs and nodes.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from genfix.engines.modeling.module_configs import ConfigView
from genfix.engines.modeling.module_lines import ModelClass, Program, class_for, model_class, program
from genfix.engines.modeling.module_nodes import UNKNOWN, Node, Parameter, Unknown, built_in, either, vague
from genfix.engines.modeling.module_values import LayerNumber, TensorValue, called, computed, truth
from genfix.json_types import JsonValue

__all__ = ["Builder"]

_DEEPEST: Final = 40
_LONGEST: Final = 2000
"""Repeats of a loop beyond which nobody follows it."""


class _Frame:
    """One ``__init__`` that is being followed."""

    def __init__(self, node: Node, names: dict[str, object]) -> None:
        self.node, self.names = node, names
        self.is_over = False
        """Whether it has returned."""
        self.stop = ""
        """``break`` or ``next`` where a loop is left."""

    def fork(self) -> "_Frame":
        """Another, whose lists may grow while these stay."""
        node = self.node.copy()
        node.children = {name: child.copy() for name, child in node.children.items()}
        names = {name: [*value] if isinstance(value, list) else value for name, value in self.names.items()}
        return _Frame(node, names)

    def join(self, one: "_Frame", other: "_Frame") -> None:
        """Go on with what both ways have in common."""
        joined = either(one.node, other.node)
        self.node.children, self.node.parameters = joined.children, joined.parameters
        self.node.attributes, self.node.is_open = joined.attributes, joined.is_open
        for name in one.names.keys() | other.names.keys():
            left, right = one.names.get(name, UNKNOWN), other.names.get(name, UNKNOWN)
            self.names[name] = _joined(left, right)


def _joined(left: object, right: object) -> object:
    if isinstance(left, Node) and isinstance(right, Node):
        return either(left, right)
    return left if left is right or (type(left) is type(right) and left == right) else UNKNOWN


class Builder:
    """Builds trees; what does not depend on the number of its layer is built once."""

    def __init__(self) -> None:
        self._known: dict[object, Node] = {}
        self._depth = 0

    def model(self, name: str, config: ConfigView) -> Node | None:
        """What the class of models called ``name`` builds; `None` where it is not known."""
        return self._model(name, [config], {})

    def _model(self, name: str, given: Sequence[object], named: dict[str, object]) -> Node | None:
        found = model_class(name)
        if found is None:
            return None
        return self._built(found.program, given, named, found)

    def _built(
        self, name: str, given: Sequence[object], named: dict[str, object], of: ModelClass | None = None
    ) -> Node:
        code = program(name)
        if code is None or self._depth > _DEEPEST:
            return Node(is_open=True)
        key = _key(of.name if of else name, given, named)
        if key is not None and key in self._known:
            return self._known[key]
        outer = LayerNumber.was_asked
        LayerNumber.was_asked = False
        self._depth += 1
        node = Node()
        names = self._bound(code, given, named)
        if of is not None:
            self._as_model(node, of, names)
        frame = _Frame(node, names)
        self._run(code.body, frame)
        self._depth -= 1
        if key is not None and not LayerNumber.was_asked:
            self._known[key] = node
        LayerNumber.was_asked = LayerNumber.was_asked or outer
        return node

    def _as_model(self, node: Node, of: ModelClass, names: Mapping[str, object]) -> None:
        config = next((value for value in names.values() if isinstance(value, ConfigView)), None)
        node.owner = of.name
        node.model_type = config.model_type if config is not None else ""
        node.attributes["config"] = config if config is not None else UNKNOWN

    def _bound(self, code: Program, given: Sequence[object], named: Mapping[str, object]) -> dict[str, object]:
        names: dict[str, object] = {}
        frame = _Frame(Node(), names)
        for place, name in enumerate(code.parameters):
            if place < len(given):
                names[name] = given[place]
            elif name in named:
                names[name] = named[name]
            elif name in code.defaults:
                names[name] = self._value(code.defaults[name], frame)
        return names

    def _run(self, body: Sequence[JsonValue], frame: _Frame) -> None:
        for statement in body:
            if frame.is_over or frame.stop:
                return
            match statement:
                case ["=", target, value]:
                    found = self._value(value, frame)
                    if found is UNKNOWN and isinstance(value, list) and value[0] in ("(", "?", "["):
                        found = vague() if isinstance(target, str) and target.startswith("@") else found
                    self._assign(target, found, frame)
                case ["if", test, list(then), list(otherwise)]:
                    self._branch(truth(self._value(test, frame)), then, otherwise, frame)
                case ["for", target, iterated, list(inner)]:
                    self._loop(target, self._value(iterated, frame), inner, frame)
                case ["super", str(base), list(given), dict(named)]:
                    self._super(base, given, named, frame)
                case ["do", call]:
                    self._do(call, frame)
                case ["del", str(target)] if target.startswith("@"):
                    frame.node.add(target[1:], None)
                case ["end"]:
                    frame.is_over = True
                case ["break" | "next" as stop]:
                    frame.stop = str(stop)
                case ["open"]:
                    frame.node.is_open = True
                case ["=[", holder, place, value]:
                    self._put_item(holder, self._value(place, frame), self._value(value, frame), frame)
                case _:
                    pass

    def _branch(
        self, test: bool | None, then: Sequence[JsonValue], otherwise: Sequence[JsonValue], frame: _Frame
    ) -> None:
        if test is not None:
            self._run(then if test else otherwise, frame)
            return
        one, other = frame.fork(), frame.fork()
        self._run(then, one)
        self._run(otherwise, other)
        frame.join(one, other)

    def _assign(self, target: JsonValue, value: object, frame: _Frame) -> None:
        match target:
            case str(name) if name.startswith("@"):
                frame.node.add(name[1:], value)
            case str(name):
                frame.names[name] = value
            case [".", holder, str(name)]:
                held = self._value(holder, frame)
                if isinstance(held, Node):
                    changed = held.copy()
                    changed.add(name, value)
                    self._assign(holder, changed, frame)
                elif isinstance(held, ConfigView):
                    self._assign(holder, held.changed(name, value), frame)
            case ["l", *targets]:
                values = value if isinstance(value, list) and len(value) == len(targets) else [UNKNOWN] * len(targets)
                for each, of in zip(targets, values, strict=True):
                    self._assign(each, of, frame)
            case _:
                pass

    def _put_item(self, holder: JsonValue, place: object, value: object, frame: _Frame) -> None:
        held = self._value(holder, frame)
        if isinstance(held, Node):
            held.is_open = True
        elif isinstance(held, dict) and isinstance(place, str | int):
            self._assign(holder, {**held, place: value}, frame)
        elif isinstance(held, list) and isinstance(place, int) and 0 <= place < len(held):
            self._assign(holder, [*held[:place], value, *held[place + 1 :]], frame)
        elif held is not UNKNOWN:
            self._assign(holder, UNKNOWN, frame)

    def _loop(self, target: JsonValue, values: object, body: Sequence[JsonValue], frame: _Frame) -> None:
        if isinstance(values, list) and len(values) <= _LONGEST:
            for value in values:
                self._assign(target, value, frame)
                self._run(body, frame)
                is_left, frame.stop = frame.stop == "break", ""
                if is_left:
                    break
            return
        before = frame.fork()
        inside = frame.fork()
        self._assign(target, UNKNOWN, inside)
        self._run(body, inside)
        frame.join(before, inside)
        for name, child in frame.node.children.items():
            if child is not before.node.children.get(name):
                child.is_open = True
        frame.node.is_open = True

    def _super(self, base: str, given: list[JsonValue], named: Mapping[str, JsonValue], frame: _Frame) -> None:
        values = self._values(given, frame)
        named_values = {name: self._value(value, frame) for name, value in named.items()}
        if base.startswith("nn."):
            made = built_in(base[3:], values, named_values)
            frame.node.children |= made.children
            frame.node.parameters |= made.parameters
            frame.node.is_open |= made.is_open
            return
        if base in ("nn.Sequential", "nn.ModuleList"):
            frame.node.is_open = True
            return
        code = program(base)
        if code is None or self._depth > _DEEPEST:
            frame.node.is_open = True
            return
        self._depth += 1
        self._run(code.body, inner := _Frame(frame.node, self._bound(code, values, named_values)))
        frame.node = inner.node
        self._depth -= 1

    def _do(self, call: JsonValue, frame: _Frame) -> None:
        match call:
            case ["(", "@register_buffer", [["'", str(name)], *_], dict(named)]:
                if named.get("persistent") is not False:
                    frame.node.parameters[name] = Parameter(is_needed=False)
            case ["(", "@register_parameter", [["'", str(name)], value, *_], _]:
                frame.node.add(name, self._value(value, frame))
            case ["(", "@add_module" | "@register_module", [name, value, *_], _]:
                text = self._value(name, frame)
                if isinstance(text, str):
                    frame.node.add(text, self._value(value, frame))
                else:
                    frame.node.is_open = True
            case ["(", [".", holder, "register_parameter"], [["'", str(name)], value, *_], _]:
                self._assign([".", holder, name], self._value(value, frame), frame)
            case ["(", [".", holder, "append"], [value], _]:
                self._extend(self._value(holder, frame), [self._value(value, frame)])
            case ["(", "@append", [value], _]:
                self._extend(frame.node, [self._value(value, frame)])
            case ["(", [".", holder, "extend"], [values], _]:
                self._extend(self._value(holder, frame), self._value(values, frame))
            case ["(", [".", holder, "insert" | "add_module" | "update" | "pop"], *_]:
                held = self._value(holder, frame)
                if isinstance(held, Node):
                    held.is_open = True
            case _:
                pass

    def _extend(self, holder: object, values: object) -> None:
        if isinstance(holder, list):
            holder.extend(values if isinstance(values, list) else [UNKNOWN])
        elif isinstance(holder, Node):
            if not isinstance(values, list) or holder.is_open:
                holder.is_open = True
                return
            for value in values:
                _put(holder, str(len(holder.children) + len(holder.parameters)), value)

    def _values(self, given: Sequence[JsonValue], frame: _Frame) -> list[object]:
        found: list[object] = []
        for each in given:
            match each:
                case ["*", inner]:
                    value = self._value(inner, frame)
                    found += value if isinstance(value, list) else [UNKNOWN]
                case _:
                    found.append(self._value(each, frame))
        return found

    def _value(self, code: JsonValue, frame: _Frame) -> object:
        match code:
            case str(name):
                if name.startswith("@"):
                    return frame.node.get(name[1:])
                is_class = name.startswith(("#", "nn.")) or name[:1].isupper()
                return frame.names.get(name, name if is_class else UNKNOWN)
            case ["'", str(text)]:
                return text
            case [".", holder, str(name)]:
                return self._attribute(self._value(holder, frame), name)
            case ["(", function, list(given), dict(named)]:
                return self._call(function, given, named, frame)
            case ["?", test, then, otherwise]:
                return self._choice(test, then, otherwise, frame)
            case ["l", *parts]:
                return self._values(parts, frame)
            case ["for", element, target, iterated, test]:
                return self._comprehension(element, target, self._value(iterated, frame), test, frame)
            case ["d", pairs]:
                return _dictionary(self._value(pairs, frame))
            case ["and" | "or" as operator, *parts]:
                return self._logic(operator, parts, frame)
            case [str(operator), *parts]:
                return computed(operator, [self._value(part, frame) for part in parts])
            case _:
                return code

    def _attribute(self, held: object, name: str) -> object:
        if isinstance(held, ConfigView):
            return held.get(name)
        return held.get(name) if isinstance(held, Node) else UNKNOWN

    def _choice(self, test: JsonValue, then: JsonValue, otherwise: JsonValue, frame: _Frame) -> object:
        decided = truth(self._value(test, frame))
        if decided is not None:
            return self._value(then if decided else otherwise, frame)
        one, other = self._value(then, frame), self._value(otherwise, frame)
        if isinstance(one, Node) or isinstance(other, Node):
            return either(one if isinstance(one, Node) else None, other if isinstance(other, Node) else None)
        return _joined(one, other)

    def _logic(self, operator: str, parts: Sequence[JsonValue], frame: _Frame) -> object:
        value: object = UNKNOWN
        is_unknown = False
        for part in parts:
            value = self._value(part, frame)
            decided = truth(value)
            if decided is None:
                is_unknown = True
            elif decided is (operator == "or"):
                return UNKNOWN if is_unknown and operator == "or" and value is not True else value
        return UNKNOWN if is_unknown else value

    def _comprehension(
        self, element: JsonValue, target: JsonValue, values: object, test: JsonValue, frame: _Frame
    ) -> object:
        if not isinstance(values, list) or len(values) > _LONGEST:
            return UNKNOWN
        inner = _Frame(frame.node, dict(frame.names))
        found: list[object] = []
        for value in values:
            self._assign(target, value, inner)
            decided = True if test is None else truth(self._value(test, inner))
            if decided is None:
                return UNKNOWN
            if decided:
                found.append(self._value(element, inner))
        return found

    def _call(
        self, function: JsonValue, given: list[JsonValue], named: Mapping[str, JsonValue], frame: _Frame
    ) -> object:
        values = self._values(given, frame)
        named_values = {name: self._value(value, frame) for name, value in named.items()}
        if isinstance(function, str) or (isinstance(function, list) and function[:1] == ["["]):
            known = self._value(function, frame)
            function = known if isinstance(known, str) else function
        match function:
            case str(name) if name.startswith("nn.") or name == "Conv1D":
                return self._torch(name.removeprefix("nn."), values, named_values)
            case str(name) if name.startswith("#"):
                return self._built(name, values, named_values)
            case [".", str(name), "_from_config" | "from_config"] if not name.startswith("@"):
                return self._from_config(name, values, named_values)
            case str(name) if name.endswith(("._from_config", ".from_config")):
                return self._from_config(name.rpartition(".")[0], values, named_values)
            case str(name) if name[:1].isupper() and (made := self._model(name, values, named_values)):
                return made
            case str(name):
                return called(name, values, named_values)
            case [".", holder, "get_text_config"]:
                held = self._value(holder, frame)
                return held.text() if isinstance(held, ConfigView) else UNKNOWN
            case _:
                return UNKNOWN

    def _from_config(self, name: str, values: Sequence[object], named: dict[str, object]) -> object:
        config = next((value for value in (*values, *named.values()) if isinstance(value, ConfigView)), None)
        if config is None:
            return Node(is_open=True)
        known = class_for(name, config.model_type) if name.startswith("Auto") else name
        rest = {key: value for key, value in named.items() if value is not config}
        return (self._model(known, [config], rest) if known else None) or Node(is_open=True)

    def _torch(self, name: str, values: list[object], named: dict[str, object]) -> object:
        if name == "Buffer":
            return Parameter(is_needed=False)
        if name == "Parameter":
            if values[:1] == [None]:
                return Parameter(is_needed=False)
            shape = values[0].shape if values and isinstance(values[0], TensorValue) else None
            return Parameter(shape)
        if name in ("ModuleList", "ParameterList"):
            return _listed(values[0] if values else [])
        if name == "Sequential":
            first = values[0] if len(values) == 1 else None
            return _listed(list(first.items()) if isinstance(first, dict) else values)
        if name in ("ModuleDict", "ParameterDict"):
            return _listed(list(values[0].items()) if values and isinstance(values[0], dict) else UNKNOWN)
        return built_in(name, values, named)


def _listed(values: object) -> Node:
    """A container of modules; pairs have names of their own."""
    node = Node()
    if not isinstance(values, list):
        node.is_open = True
        return node
    for place, value in enumerate(values):
        if isinstance(value, tuple) and len(value) == 2:
            _put(node, str(value[0]), value[1])
        else:
            _put(node, str(place), value)
    return node


def _put(node: Node, name: str, value: object) -> None:
    if isinstance(value, Unknown):
        value = Node(is_open=True).as_optional()
    node.children[name] = value if isinstance(value, Node) else Node()
    if isinstance(value, Parameter):
        del node.children[name]
        node.parameters[name] = value


def _dictionary(pairs: object) -> object:
    if not isinstance(pairs, list):
        return UNKNOWN
    found: dict[object, object] = {}
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str | int):
            return UNKNOWN
        found[pair[0]] = pair[1]
    return found


def _key(name: str, given: Sequence[object], named: Mapping[str, object]) -> object:
    """What a tree depends on; `None` where that is more than values."""
    parts: list[object] = [name]
    for place, value in [*enumerate(given), *sorted(named.items())]:
        if isinstance(value, LayerNumber):
            parts.append((place, "layer"))
        elif isinstance(value, ConfigView):
            parts.append((place, id(value)))
        elif isinstance(value, str | int | float | bool | None):
            parts.append((place, type(value).__name__, value))
        else:
            return None
    return tuple(parts)
