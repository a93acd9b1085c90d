"""Follows the ``__init__`` of classes far enough to know which modules they build.

A condition that cannot be decided is followed both ways, and what only one way built may be absent. Nothing
is ever executed: programs are data (`genfix.engines.modeling.module_lines`), and values are numbers, texts,
lists, configs and nodes.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from genfix.engines.modeling.layer_numbers import Call, Trees
from genfix.engines.modeling.module_configs import ConfigView
from genfix.engines.modeling.module_frames import (
    Frame,
    as_model,
    attribute,
    dictionary,
    extend,
    joined,
    set_named,
    torch_module,
)
from genfix.engines.modeling.module_lines import ModelClass, Program, class_for, model_class, program
from genfix.engines.modeling.module_nodes import UNKNOWN, Node, Parameter, built_in, either, vague
from genfix.engines.modeling.module_values import called, computed, truth
from genfix.json_types import JsonValue

__all__ = ["Builder"]

_DEEPEST: Final = 40
_LONGEST: Final = 2000  # repeats of a loop that are followed


class Builder:
    """Builds trees; layers that are the same are built once."""

    def __init__(self) -> None:
        self._trees = Trees()
        self._depth = self._calls = 0

    def model(self, name: str, config: ConfigView) -> Node | None:
        """What the class of models called ``name`` builds; `None` where it is not known."""
        return self._model(name, [config], {})

    def _model(self, name: str, given: Sequence[object], named: dict[str, object]) -> Node | None:
        found = model_class(name)
        return None if found is None else self._built(found.program, given, named, found)

    def _built(
        self, name: str, given: Sequence[object], named: dict[str, object], of: ModelClass | None = None
    ) -> Node:
        code = program(name)
        if code is None or self._depth > _DEEPEST:
            return Node(is_open=True)
        call = Call(of.name if of else name, given, named)
        return self._trees.built(call, lambda call: self._build(code, call, of))

    def _build(self, code: Program, call: Call, of: ModelClass | None) -> Node:
        self._depth += 1
        node = Node()
        names = self._bound(code, call.given, call.named)
        if of is not None:
            as_model(node, of, names)
        self._run(code.body, Frame(node, names))
        self._depth -= 1
        return node

    def _bound(
        self, code: Program, given: Sequence[object], named: Mapping[str, object]
    ) -> dict[str, object]:
        names: dict[str, object] = {}
        frame = Frame(Node(), names)
        for place, name in enumerate(code.parameters):
            if place < len(given):
                names[name] = given[place]
            elif name in named:
                names[name] = named[name]
            elif name in code.defaults:
                names[name] = self._value(code.defaults[name], frame)
        return names

    def _run(  # noqa: C901, PLR0912 - one case a kind of statement
        self, body: Sequence[JsonValue], frame: Frame
    ) -> None:
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
                case ["set", name, value]:
                    set_named(self._value(name, frame), self._value(value, frame), frame)
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
        self, test: object, then: Sequence[JsonValue], otherwise: Sequence[JsonValue], frame: Frame
    ) -> None:
        if test is not None:
            self._run(then if test else otherwise, frame)
            return
        one, other = frame.fork(), frame.fork()
        self._run(then, one)
        self._run(otherwise, other)
        frame.join(one, other)

    def _assign(self, target: JsonValue, value: object, frame: Frame) -> None:
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
                values = (
                    value
                    if isinstance(value, list) and len(value) == len(targets)
                    else [UNKNOWN] * len(targets)
                )
                for each, of in zip(targets, values, strict=True):
                    self._assign(each, of, frame)
            case _:
                pass

    def _put_item(self, holder: JsonValue, place: object, value: object, frame: Frame) -> None:
        held = self._value(holder, frame)
        if isinstance(held, Node):
            held.is_open = True
        elif isinstance(held, dict) and isinstance(place, str | int):
            self._assign(holder, {**held, place: value}, frame)
        elif isinstance(held, list) and isinstance(place, int) and 0 <= place < len(held):
            self._assign(holder, [*held[:place], value, *held[place + 1 :]], frame)
        elif held is not UNKNOWN:
            self._assign(holder, UNKNOWN, frame)

    def _loop(self, target: JsonValue, values: object, body: Sequence[JsonValue], frame: Frame) -> None:
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

    def _super(self, base: str, given: list[JsonValue], named: Mapping[str, JsonValue], frame: Frame) -> None:
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
        self._run(code.body, inner := Frame(frame.node, self._bound(code, values, named_values)))
        frame.node = inner.node
        self._depth -= 1

    def _do(self, call: JsonValue, frame: Frame) -> None:  # noqa: PLR0912 - one case a method
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
                extend(self._value(holder, frame), [self._value(value, frame)])
            case ["(", "@append", [value], _]:
                extend(frame.node, [self._value(value, frame)])
            case ["(", [".", holder, "extend"], [values], _]:
                extend(self._value(holder, frame), self._value(values, frame))
            case ["(", [".", holder, "insert" | "add_module" | "update" | "pop"], *_]:
                held = self._value(holder, frame)
                if isinstance(held, Node):
                    held.is_open = True
            case _:
                pass

    def _values(self, given: Sequence[JsonValue], frame: Frame) -> list[object]:
        found: list[object] = []
        for each in given:
            match each:
                case ["*", inner]:
                    value = self._value(inner, frame)
                    found += value if isinstance(value, list) else [UNKNOWN]
                case _:
                    found.append(self._value(each, frame))
        return found

    def _value(self, code: JsonValue, frame: Frame) -> object:  # noqa: PLR0911 - one case a form
        match code:
            case str(name):
                if name.startswith("@"):
                    return frame.node.get(name[1:])
                is_class = name.startswith(("#", "nn.")) or name[:1].isupper()
                return frame.names.get(name, name if is_class else UNKNOWN)
            case ["'", str(text)]:
                return text
            case [".", holder, str(name)]:
                return attribute(self._value(holder, frame), name)
            case ["(", function, list(given), dict(named)]:
                return self._call(function, given, named, frame)
            case ["?", test, then, otherwise]:
                return self._choice(test, then, otherwise, frame)
            case ["l", *parts]:
                return self._values(parts, frame)
            case ["for", element, target, iterated, test]:
                return self._comprehension(element, target, self._value(iterated, frame), test, frame)
            case ["d", pairs]:
                return dictionary(self._value(pairs, frame))
            case ["and" | "or" as operator, *parts]:
                return self._logic(operator, parts, frame)
            case [str(operator), *parts]:
                return computed(operator, [self._value(part, frame) for part in parts])
            case _:
                return code

    def _choice(self, test: JsonValue, then: JsonValue, otherwise: JsonValue, frame: Frame) -> object:
        decided = truth(self._value(test, frame))
        if decided is not None:
            return self._value(then if decided else otherwise, frame)
        one, other = self._value(then, frame), self._value(otherwise, frame)
        if isinstance(one, Node) or isinstance(other, Node):
            return either(one if isinstance(one, Node) else None, other if isinstance(other, Node) else None)
        return joined(one, other)

    def _logic(self, operator: str, parts: Sequence[JsonValue], frame: Frame) -> object:
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
        self, element: JsonValue, target: JsonValue, values: object, test: JsonValue, frame: Frame
    ) -> object:
        if not isinstance(values, list) or len(values) > _LONGEST:
            return UNKNOWN
        inner = Frame(frame.node, dict(frame.names))
        found: list[object] = []
        for value in values:
            self._assign(target, value, inner)
            decided = True if test is None else truth(self._value(test, inner))
            if decided is None:
                return UNKNOWN
            if decided:
                found.append(self._value(element, inner))
        return found

    def _call(  # noqa: PLR0911 - one case a kind of function
        self, function: JsonValue, given: list[JsonValue], named: Mapping[str, JsonValue], frame: Frame
    ) -> object:
        self._calls += 1
        if self._calls > 100 * _LONGEST:  # no model is so large
            return UNKNOWN
        values = self._values(given, frame)
        named_values = {name: self._value(value, frame) for name, value in named.items()}
        if isinstance(function, str) or (isinstance(function, list) and function[:1] == ["["]):
            known = self._value(function, frame)
            function = known if isinstance(known, str) else function
        match function:
            case str(name) if name.startswith("nn.") or name == "Conv1D":
                return torch_module(name.removeprefix("nn."), values, named_values)
            case str(name) if name.startswith("#"):
                return self._built(name, values, named_values)
            case "load_backbone" if values:
                return self._from_config("AutoBackbone", [attribute(values[0], "backbone_config")], {})
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
