"""The template's text: as it is read, as it is sent, and the name of what it makes of the function.

Knows neither which account it is for nor what stands there already.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any, Final

import yaml

from zeroidle_ops.errors import DeploymentError

FUNCTION: Final = "Function"
LONGEST_TEMPLATE_BYTES: Final = 51_200
LONGEST_VALUE: Final = 4096
"""CloudFormation's limits: of a template that is sent as text, and of a parameter's characters."""

_FILE: Final = "template.yaml"
_NEEDLESSLY_QUOTED: Final = re.compile(r"(!GetAtt|!Ref|!Condition) '([A-Za-z0-9.]+)'")
_TIGHTENED: Final = re.compile(r"""(?<=[\s\[{,])(?P<quoted>'(?:[^']|'')*'|"(?:[^"\\]|\\.)*")|, """)
"""The blank behind a comma that stands in no text."""

_NOT_IN_A_VERSION: Final = frozenset({"ReservedConcurrentExecutions", "Tags"})
"""Properties of a function that are not part of its published versions."""


def template() -> str:
    """The CloudFormation template's text."""
    return resources.files(__package__).joinpath(_FILE).read_text(encoding="utf-8")


def compact() -> str:
    """The same template without comments, layout and what orders the console's form.

    Raises:
        DeploymentError: it is still longer than what CloudFormation takes as text.
    """
    node = _parsed(template())
    node.value = [item for item in node.value if item[0].value != "Metadata"]
    for child in _below(node):
        if isinstance(child, yaml.CollectionNode):
            # A text that begins with a brace would be taken for JSON.
            child.flow_style = child is not node
        elif isinstance(child, yaml.ScalarNode) and child.style in {">", "|"}:
            child.style = '"'
    text: str = yaml.serialize(node, width=1 << 30)
    text = _NEEDLESSLY_QUOTED.sub(r"\1 \2", text)
    text = _TIGHTENED.sub(lambda found: found["quoted"] or ",", text)
    if (size := len(text.encode())) > LONGEST_TEMPLATE_BYTES:
        raise DeploymentError(
            f"the template is {size:,} bytes without comments and layout, CloudFormation takes "
            f"{LONGEST_TEMPLATE_BYTES:,}: shorten {_FILE} by {size - LONGEST_TEMPLATE_BYTES:,}"
        )
    return text


def declared() -> dict[str, dict[str, Any]]:
    """The parameters as the template declares them: texts, and lists of texts."""
    return {
        name: {key: _plain(told) for key, told in _items(parameter)}
        for name, parameter in _items(_at_root("Parameters"))
    }


def defaults() -> dict[str, str]:
    """The parameters, with the value that a new stack gives each."""
    return {name: told["Default"] for name, told in declared().items()}


def release(parameters: Mapping[str, str], *, after: str = "") -> str:
    """A name that changes exactly when the function's code or settings do.

    It covers the function's properties in the template and the parameters they stand on, directly
    or through a condition. `after` makes another name of the same content: a version that was
    rolled back is put into service again only as a new one.
    """
    conditions = dict(_items(_at_root("Conditions")))
    properties = _at(_at(_at_root("Resources"), FUNCTION), "Properties")
    pending = [node for name, node in _items(properties) if name not in _NOT_IN_A_VERSION]
    told, seen = {f"after={after}", function_of(template())}, set[str]()
    while pending:
        for name in _names(pending.pop()):
            if name in seen:
                continue
            seen.add(name)
            if name in parameters and name != "Release":
                told.add(f"{name}={parameters[name]}")
            if name in conditions:
                pending.append(conditions[name])
    return hashlib.sha256("\n".join(sorted(told)).encode()).hexdigest()[:16]


def function_of(text: str) -> str:
    """What a template says of the function's code and settings, without its layout."""
    found = _at(_at(_parsed(text), "Resources"), FUNCTION)
    kept = [item for item in _items(_at(found, "Properties")) if item[0] not in _NOT_IN_A_VERSION]
    for node in (below for _, property_ in kept for below in _below(property_)):
        if isinstance(node, yaml.CollectionNode):
            node.flow_style = True
        elif isinstance(node, yaml.ScalarNode):
            node.style = '"'
    return "\n".join(
        f"{name}: {yaml.serialize(node, width=1 << 30)}" for name, node in sorted(kept)
    )


def _names(node: yaml.Node) -> Iterator[str]:
    """Everything below a node that may be a parameter's or a condition's name."""
    for child in _below(node):
        if isinstance(child, yaml.ScalarNode):
            yield child.value
            if child.tag == "!Sub":
                yield from (part.split("}")[0] for part in child.value.split("${")[1:])


def _below(node: yaml.Node) -> Iterator[yaml.Node]:
    yield node
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _below(key)
            yield from _below(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _below(value)


def _parsed(text: str) -> yaml.Node:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if node is None:
        raise DeploymentError("the template is empty")
    return node


def _at_root(section: str) -> yaml.Node:
    return _at(_parsed(template()), section)


def _at(node: yaml.Node, key: str) -> yaml.Node:
    return dict(_items(node))[key]


def _plain(node: yaml.Node) -> Any:  # noqa: ANN401 - a text or a list
    is_list = isinstance(node, yaml.SequenceNode)
    return [one.value for one in node.value] if is_list else node.value


def _items(node: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    for key, value in node.value:
        yield key.value, value
