"""What wikitext is made of, once the preprocessor has taken it apart."""

from dataclasses import dataclass
from typing import TypeAlias

from embedding.wiki.characters import TAG_MARK, TEMPLATE_MARK

Node: TypeAlias = "str | Template | Parameter | Extension"
Nodes: TypeAlias = list["Node"]


@dataclass(slots=True)
class Template:
    """{{name|value|name=value}}: a template, a variable or a parser function."""

    title: Nodes
    arguments: list[tuple[Nodes | None, Nodes]]

    @property
    def name(self) -> str:
        """What stands before the first pipe; marks stand for what is not text in it."""
        return flatten(self.title)[0].strip()

    def named(self) -> dict[str, Nodes]:
        """The arguments by name, which for one without is its number. Of two that have the same name the last one counts."""
        found: dict[str, Nodes] = {}
        number = 0
        for name, value in self.arguments:
            if name is None:
                number += 1
            key = str(number) if name is None else flatten(name)[0].strip()
            found.pop(key, None)
            found[key] = value
        return found


@dataclass(slots=True)
class Parameter:
    """{{{name|default}}}, which in an article is its default."""

    default: Nodes | None


@dataclass(slots=True)
class Extension:
    """<tag>content</tag> of an extension, the content as it stands there."""

    tag: str
    content: str


def flatten(nodes: Nodes) -> tuple[str, Nodes]:
    """The text, in which node i is written as i between two marks; and the nodes."""
    if len(nodes) == 1 and isinstance(nodes[0], str):
        return nodes[0], []
    parts = []
    inner: Nodes = []
    for node in nodes:
        if isinstance(node, str):
            parts.append(node)
            continue
        mark = TAG_MARK if isinstance(node, Extension) else TEMPLATE_MARK
        parts.append(f"{mark}{len(inner)}{mark}")
        inner.append(node)
    return "".join(parts), inner
