"""What one ``__init__`` has made so far, and containers of modules."""

from collections.abc import Mapping, Sequence

from genfix.engines.modeling.module_configs import ConfigView
from genfix.engines.modeling.module_lines import ModelClass
from genfix.engines.modeling.module_nodes import UNKNOWN, Node, Parameter, Unknown, built_in, either
from genfix.engines.modeling.module_values import TensorValue

__all__ = ["Frame", "as_model", "attribute", "dictionary", "extend", "joined", "set_named", "torch_module"]


class Frame:
    """One ``__init__`` that is being followed."""

    def __init__(self, node: Node, names: dict[str, object]) -> None:
        self.node, self.names = node, names
        self.is_over = False
        """Whether it has returned."""
        self.stop = ""
        """``break`` or ``next`` where a loop is left."""

    def fork(self) -> "Frame":
        """Another, whose lists may grow while these stay."""
        node = self.node.copy()
        node.children = {name: child.copy() for name, child in node.children.items()}
        names = {name: [*value] if isinstance(value, list) else value for name, value in self.names.items()}
        return Frame(node, names)

    def join(self, one: "Frame", other: "Frame") -> None:
        """Go on with what both ways have in common."""
        both = either(one.node, other.node)
        self.node.children, self.node.parameters = both.children, both.parameters
        self.node.attributes, self.node.is_open = both.attributes, both.is_open
        for name in one.names.keys() | other.names.keys():
            left, right = one.names.get(name, UNKNOWN), other.names.get(name, UNKNOWN)
            self.names[name] = joined(left, right)


def joined(left: object, right: object) -> object:
    """The value after two ways, of which one was taken."""
    if isinstance(left, Node) and isinstance(right, Node):
        return either(left, right)
    return left if left is right or (type(left) is type(right) and left == right) else UNKNOWN


def listed(values: object) -> Node:
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
    """Set an entry of a container."""
    if isinstance(value, Unknown):
        value = Node(is_open=True).as_optional()
    node.children[name] = value if isinstance(value, Node) else Node()
    if isinstance(value, Parameter):
        del node.children[name]
        node.parameters[name] = value


def dictionary(pairs: object) -> object:
    """A dictionary of pairs; `UNKNOWN` where a key is not known."""
    if not isinstance(pairs, list):
        return UNKNOWN
    found: dict[object, object] = {}
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str | int):
            return UNKNOWN
        found[pair[0]] = pair[1]
    return found


def attribute(held: object, name: str) -> object:
    """What ``held.name`` is."""
    if isinstance(held, ConfigView):
        return held.get(name)
    return held.get(name) if isinstance(held, Node) else UNKNOWN


def torch_module(name: str, values: list[object], named: dict[str, object]) -> object:
    """What a class of ``torch.nn`` builds: a tensor, a container or a module."""
    if name == "Buffer":
        return _buffer(values[:1], named)
    if name == "Parameter":
        if values[:1] == [None]:
            return Parameter(is_needed=False)
        shape = values[0].shape if values and isinstance(values[0], TensorValue) else None
        return Parameter(shape)
    if name in ("ModuleList", "ParameterList"):
        return listed(values[0] if values else [])
    if name == "Sequential":
        first = values[0] if len(values) == 1 else None
        return listed(list(first.items()) if isinstance(first, dict) else values)
    if name in ("ModuleDict", "ParameterDict"):
        return listed(list(values[0].items()) if values and isinstance(values[0], dict) else UNKNOWN)
    return built_in(name, values, named)


def _buffer(values: Sequence[object], named: Mapping[str, object]) -> Parameter:
    """A tensor that is begun with one number is filled while training; one that is computed is computed
    again.
    """
    if named.get("persistent", True) is not True or not isinstance(
        of := next(iter(values), None), TensorValue
    ):
        return Parameter(is_needed=False)
    return Parameter(of.shape, is_buffer=True)


def extend(holder: object, values: object) -> None:
    """Add ``values`` to a list or a container of modules."""
    if isinstance(holder, list):
        holder.extend(values if isinstance(values, list) else [UNKNOWN])
    elif isinstance(holder, Node):
        if not isinstance(values, list) or holder.is_open:
            holder.is_open = True
            return
        for value in values:
            _put(holder, str(len(holder.children) + len(holder.parameters)), value)


def as_model(node: Node, of: ModelClass, names: Mapping[str, object]) -> None:
    """Make a node that of a model: names in files depend on its class and type."""
    config = next((value for value in names.values() if isinstance(value, ConfigView)), None)
    node.owner = of.name
    node.model_type = config.model_type if config is not None else ""
    node.attributes["base_model_prefix"] = of.prefix
    node.attributes["config"] = config if config is not None else UNKNOWN


def set_named(name: object, value: object, frame: Frame) -> None:
    """Set an attribute whose name is computed."""
    if isinstance(name, str):
        frame.node.add(name, value)
    else:
        frame.node.is_open = True
