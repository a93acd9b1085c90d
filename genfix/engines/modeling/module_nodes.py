"""Modules as trees of names: what a class has built, without a single number of its tensors."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

__all__ = [
    "PLAIN",
    "UNKNOWN",
    "Node",
    "Parameter",
    "Shape",
    "Unknown",
    "Wanted",
    "built_in",
    "either",
    "vague",
    "wanted",
]


class Unknown:
    """A value that nobody knows without running the code."""


UNKNOWN: Final = Unknown()
Shape: TypeAlias = tuple[int | None, ...] | None
"""Sizes, `None` where one is not known; `None` where not even their number is."""


class Parameter(NamedTuple):
    """A tensor of a module."""

    shape: Shape = None
    is_needed: bool = True
    is_buffer: bool = False
    """Whether it is no parameter: those of layers are trained or counted, others may be constants."""


class Node:
    """One module."""

    __slots__ = (
        "attributes",
        "children",
        "is_open",
        "is_optional",
        "is_vague",
        "model_type",
        "owner",
        "parameters",
    )

    def __init__(self, owner: str = "", *, is_open: bool = False) -> None:
        self.owner = owner
        """The class, where it is one of models: names in files depend on it."""
        self.model_type = ""
        self.children: dict[str, Node] = {}
        self.parameters: dict[str, Parameter] = {}
        self.attributes: dict[str, object] = {}
        self.is_open = is_open
        """Whether it may have further tensors."""
        self.is_optional = False
        """Whether it may be absent."""
        self.is_vague = False
        """Whether it may be no module at all."""

    def copy(self) -> "Node":
        """Another node over the same children."""
        other = Node(self.owner, is_open=self.is_open)
        other.model_type = self.model_type
        other.children, other.parameters = dict(self.children), dict(self.parameters)
        other.attributes, other.is_optional = dict(self.attributes), self.is_optional
        other.is_vague = self.is_vague
        return other

    def as_optional(self) -> "Node":
        """The same, where it may be absent."""
        other = self.copy()
        other.is_optional = True
        return other

    def add(self, name: str, value: object) -> None:
        """Set an attribute, as ``self.name = value`` does."""
        for place in (self.children, self.parameters, self.attributes):
            place.pop(name, None)
        if isinstance(value, Node):
            self.children[name] = value
        elif isinstance(value, Parameter):
            self.parameters[name] = value
        else:
            self.attributes[name] = value

    def get(self, name: str) -> object:
        """The value of an attribute; `UNKNOWN` without one."""
        child = self.children.get(name)
        if child is not None:
            return UNKNOWN if child.is_vague else child
        return self.parameters[name] if name in self.parameters else self.attributes.get(name, UNKNOWN)


def vague() -> Node:
    """What stands where nobody knows what was built."""
    node = Node(is_open=True)
    node.is_optional = node.is_vague = True
    return node


class Wanted(NamedTuple):
    """The names of a tree."""

    tensors: dict[str, Parameter]
    open: frozenset[str]
    """Prefixes, each with its dot, below which anything may stand; ``""`` is all."""
    models: dict[str, Node]
    """By path, the modules that are models of their own, outermost first."""


def wanted(root: Node) -> Wanted:
    """All names below ``root``."""
    found: dict[str, Parameter] = {}
    is_open: set[str] = set()
    models: dict[str, Node] = {}
    for path, node, is_optional in _walk(root, "", is_optional=False):
        if node.is_open:
            is_open.add(path)
        if node.owner:
            models[path.removesuffix(".")] = node
        in_layer = any(map(str.isdigit, path.split(".")))
        for name, parameter in node.parameters.items():
            needed = parameter.is_needed and not is_optional and (in_layer or not parameter.is_buffer)
            found[path + name] = (
                parameter if needed == parameter.is_needed else parameter._replace(is_needed=False)
            )
    return Wanted(found, frozenset(is_open), models)


def _walk(node: Node, path: str, *, is_optional: bool) -> Iterator[tuple[str, Node, bool]]:
    is_optional = is_optional or node.is_optional
    yield path, node, is_optional
    for name, child in node.children.items():
        yield from _walk(child, f"{path}{name}.", is_optional=is_optional)


def either(one: Node | None, other: Node | None) -> Node:
    """What is there where one of two was built, and nobody knows which."""
    if one is None or other is None:
        return (one or other or Node()).as_optional()
    if one is other:
        return one
    both = Node(one.owner if one.owner == other.owner else "", is_open=one.is_open or other.is_open)
    both.model_type = one.model_type
    both.is_vague = one.is_vague or other.is_vague
    both.is_optional = one.is_optional or other.is_optional
    for name in dict.fromkeys([*one.children, *other.children]):
        both.children[name] = either(one.children.get(name), other.children.get(name))
    for name in dict.fromkeys([*one.parameters, *other.parameters]):
        both.parameters[name] = _either(one.parameters.get(name), other.parameters.get(name))
    for name in one.attributes.keys() | other.attributes.keys():
        left, right = one.attributes.get(name, UNKNOWN), other.attributes.get(name, UNKNOWN)
        both.attributes[name] = left if left is right or left == right else UNKNOWN
    return both


def _either(one: Parameter | None, other: Parameter | None) -> Parameter:
    if one is None or other is None:
        return Parameter((one or other or Parameter()).shape, is_needed=False)
    return Parameter(
        one.shape if one.shape == other.shape else None,
        is_needed=one.is_needed and other.is_needed,
        is_buffer=one.is_buffer or other.is_buffer,
    )


PLAIN: Final = frozenset(
    [
        *("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "Identity", "ReLU", "ReLU6", "GELU", "SiLU"),
        *("Sigmoid", "Tanh", "Softmax", "LogSoftmax", "Softplus", "LeakyReLU", "ELU", "Hardtanh"),
        *("Hardswish", "Hardsigmoid", "Mish", "Flatten", "Unflatten", "Upsample", "AvgPool1d"),
        *("AvgPool2d", "AvgPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d", "AdaptiveAvgPool1d"),
        *("AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "PixelShuffle"),
        *("PixelUnshuffle", "ZeroPad2d", "ConstantPad1d", "ConstantPad2d", "ReflectionPad1d"),
        *("ReflectionPad2d", "ReplicationPad1d", "Unfold", "Fold", "CrossEntropyLoss", "MSELoss"),
        *("L1Loss", "BCEWithLogitsLoss", "CTCLoss", "UpsamplingBilinear2d", "AlphaDropout", "GLU"),
    ]
)
"""Modules of torch without tensors."""


def built_in(name: str, given: Sequence[object], named: dict[str, object]) -> Node:
    """What a class of ``torch.nn`` builds; an open node for those that are not known."""
    arguments = _Arguments(given, named)
    node = Node()
    if name in PLAIN:
        return node
    if name == "Linear":
        rows, columns = arguments.number(1, "out_features"), arguments.number(0, "in_features")
        _add(node, arguments.flag(2, "bias"), ("weight", (rows, columns)), ("bias", (rows,)))
    elif name == "Embedding":
        size = (arguments.number(0, "num_embeddings"), arguments.number(1, "embedding_dim"))
        node.parameters["weight"] = Parameter(size)
    elif name in ("LayerNorm", "RMSNorm"):
        _norm(node, arguments, name)
    elif name == "PReLU":
        node.parameters["weight"] = Parameter()
    elif name == "GroupNorm":
        _affine(node, arguments.flag(3, "affine"), arguments.number(1, "num_channels"))
    elif name.startswith(("BatchNorm", "SyncBatchNorm")):
        features = arguments.number(0, "num_features")
        _affine(node, arguments.flag(3, "affine"), features)
        for buffer in ("running_mean", "running_var"):
            node.parameters[buffer] = Parameter((features,), is_buffer=True)
        node.parameters["num_batches_tracked"] = Parameter((), is_needed=False)
    elif name in ("Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"):
        _convolution(node, arguments, int(name[-2]), is_transposed="Transpose" in name)
    elif name == "MultiheadAttention":
        _attention(node, arguments)
    elif name == "Conv1D":
        rows, columns = arguments.number(1, "nx"), arguments.number(0, "nf")
        _add(node, True, ("weight", (rows, columns)), ("bias", (columns,)))
    else:
        node.is_open = True
    return node


class _Arguments:
    def __init__(self, given: Sequence[object], named: dict[str, object]) -> None:
        self.given, self.named = given, named

    def value(self, place: int, name: str, default: object = UNKNOWN) -> object:
        if name in self.named:
            return self.named[name]
        return self.given[place] if place < len(self.given) else default

    def number(self, place: int, name: str) -> int | None:
        value = self.value(place, name)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def flag(self, place: int, name: str, *, default: bool = True) -> bool | None:
        value = self.value(place, name, default)
        return None if isinstance(value, Unknown) else bool(value)


def _add(node: Node, has_bias: object, *tensors: tuple[str, Shape]) -> None:
    for name, shape in tensors:
        is_bias = name.endswith("bias")
        if not is_bias or has_bias is not False:
            node.parameters[name] = Parameter(shape, is_needed=not is_bias or has_bias is True)


def _affine(node: Node, has: object, size: int | None) -> None:
    if has is not False:
        for name in ("weight", "bias"):
            node.parameters[name] = Parameter((size,), is_needed=has is True)


def _norm(node: Node, arguments: _Arguments, name: str) -> None:
    affine = arguments.flag(2, "elementwise_affine")
    sizes = arguments.value(0, "normalized_shape")
    shape: Shape = None
    if isinstance(sizes, int):
        shape = (sizes,)
    elif isinstance(sizes, list) and all(isinstance(size, int) for size in sizes):
        shape = tuple(sizes)
    if affine is not False:
        node.parameters["weight"] = Parameter(shape, is_needed=affine is True)
        bias = arguments.flag(3, "bias") if name == "LayerNorm" else False
        if bias is not False:
            node.parameters["bias"] = Parameter(shape, is_needed=affine is True and bias is True)


def _attention(node: Node, arguments: _Arguments) -> None:
    """Has one matrix for queries, keys and values; open where these have sizes of their own."""
    size, bias = arguments.number(0, "embed_dim"), arguments.flag(3, "bias")
    if any(name in arguments.named for name in ("kdim", "vdim", "add_bias_kv")) or len(arguments.given) > 4:
        node.is_open = True
        return
    rows = None if size is None else 3 * size
    _add(node, bias, ("in_proj_weight", (rows, size)), ("in_proj_bias", (rows,)))
    node.children["out_proj"] = built_in(
        "Linear", [size if size is not None else UNKNOWN] * 2, {"bias": UNKNOWN if bias is None else bias}
    )


def _convolution(node: Node, arguments: _Arguments, sizes: int, *, is_transposed: bool) -> None:
    inner, outer = arguments.number(0, "in_channels"), arguments.number(1, "out_channels")
    kernel = arguments.value(2, "kernel_size")
    groups = (
        arguments.number(7 if is_transposed else 6, "groups")
        if _has_groups(arguments, 7 if is_transposed else 6)
        else 1
    )
    each = tuple(kernel) if isinstance(kernel, list) else (kernel,) * sizes
    known = tuple(size if isinstance(size, int) else None for size in each)
    first, second = (inner, outer) if is_transposed else (outer, inner)
    second = second // groups if second is not None and groups else None
    bias = arguments.flag(8 if is_transposed else 7, "bias")
    _add(node, bias, ("weight", (first, second, *known)), ("bias", (outer,)))


def _has_groups(arguments: _Arguments, place: int) -> bool:
    return "groups" in arguments.named or len(arguments.given) > place
