"""Values of infobox fields as plain text: what a reader would see, and where one value ends and the next one begins."""

import re

from embedding.wiki.characters import BREAK, NAME_MARK, TAG_MARK, TEMPLATE_MARK, decode_references
from embedding.wiki.links import HTML_TAG, split_links
from embedding.wiki.nodes import Extension, Node, Nodes, Parameter, flatten
from embedding.wiki.preprocessor import MAX_DEPTH, preprocess
from embedding.wiki.site import CATEGORY, FILE, Site, Title
from embedding.wiki.templates import shown, template_key

_MARKED = re.compile(f"[{TAG_MARK}{TEMPLATE_MARK}]([0-9]+)[{TAG_MARK}{TEMPLATE_MARK}]")
_VALUE_END = re.compile(rf"{BREAK}|\n[*#:;]+|^\*+")
_NAME = re.compile(f"{NAME_MARK}([^{NAME_MARK}]*){NAME_MARK}")
_NAMES = re.compile(rf"(?:{_NAME.pattern}[\s,;/&–-]*+)+")
_SPACE = re.compile(r"\s+")
_EDGES = " ,;·•*\u200b\u200e\u200f\ufeff"
_EXTERNAL_LINK = re.compile(r"\[((?:(?:https?:|ftp:)?//|mailto:)[^\s\[\]<>\"]++)[ \t]*+([^\[\]\n]*+)\]", re.IGNORECASE)
_BREAKING_TAGS = {"br", "li", "p", "div", "tr", "td", "th", "dd", "dt", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "center"}
_HTML_TAG = re.compile(rf"</?({HTML_TAG})(?=[\s/>])[^<>]*+>", re.IGNORECASE)
_HIDING = re.compile(r"display\s*+:\s*+none|visibility\s*+:\s*+hidden", re.IGNORECASE)
_NOTE_SIGN = re.compile(r"<sup(?:\s[^<>]*+)?>\s*+\[(?:(?:note|nb|n)\s)?\w{1,3}\]\s*+</sup\s*+>", re.IGNORECASE)
_QUOTES = re.compile("''+")
_VARIANTS = re.compile(r"-\{([^{}]*)\}-")
_FLAGS = re.compile(r"[A-Za-z;\s-]*")
_VARIANT = re.compile(r"(?:^|;)(?:[^:;=>]*=>)?\s*[a-z]{2,3}(?:-[a-z]+)*\s*:([^;]*)")
_AS_IT_STANDS = {"nowiki", "pre", "syntaxhighlight", "source"}
_WIKITEXT = {"poem", "langconvert"}


def values_of(nodes: Nodes, site: Site) -> list[str]:
    """A field as plain text, one string a value: refs and comments are gone, links are their text, lists are taken apart."""
    text = _render(nodes, site, 0).strip(" ")
    if NAME_MARK in text and (item := _VALUE_END.search(text)) and item[0].startswith(("\n*", "\n#")):
        text = _NAME.sub("", text[: item.start()]) + text[item.start() :]  # a template before a list begins it
    parts = (_SPACE.sub(" ", _with_names(part.strip())).strip(_EDGES) for part in _VALUE_END.split(text))
    return [part for part in parts if part]


def _with_names(part: str) -> str:
    """The names of templates that were called without arguments are shown where there is nothing else."""
    return _NAME.sub(r"\1" if _NAMES.fullmatch(part) else "", part) if NAME_MARK in part else part


def _render(nodes: Nodes, site: Site, depth: int) -> str:
    if depth > MAX_DEPTH:
        return ""
    text, inner = flatten(nodes)
    if "[" in text:
        text = _EXTERNAL_LINK.sub(lambda link: link[2] or link[1], _without_links(text, site))
    if "-{" in text:
        text = _VARIANTS.sub(_first_variant, text)
    if "<" in text:
        text = _NOTE_SIGN.sub("", _without_hidden(text))
        text = _HTML_TAG.sub(lambda tag: BREAK if tag[1].lower() in _BREAKING_TAGS else "", text)
    if "''" in text:
        text = "\n".join(map(_without_quotes, text.split("\n")))
    text = decode_references(text)
    return _MARKED.sub(lambda mark: _node(inner[int(mark[1])], site, depth + 1), text) if inner else text


def _node(node: Node, site: Site, depth: int) -> str:
    if isinstance(node, str):
        return node
    if isinstance(node, Extension):
        if node.tag in _AS_IT_STANDS:
            return decode_references(node.content)
        return _render(preprocess(node.content), site, depth) if node.tag in _WIKITEXT else ""
    if isinstance(node, Parameter):
        return "" if node.default is None else _render(node.default, site, depth)
    arguments = {name: _render(value, site, depth) for name, value in node.named().items()}
    return shown(_render(node.title, site, depth).strip(), template_key(node.name, site), arguments)


def _without_links(text: str, site: Site) -> str:
    """Links as they are shown: by their label, or their target; a file and a category not at all."""
    parts = []
    for piece in split_links(text, site):
        title = piece.title
        if title is None or (isinstance(title, Title) and title.namespace in (FILE, CATEGORY) and not site.is_escaped(piece.target)):
            parts.append(piece.after)
        elif title == "invalid":
            parts.append(f"[[{piece.target}{'' if piece.label is None else '|'}{piece.label or ''}]]{piece.after}")
        elif piece.label is not None:
            parts.append(piece.label + piece.after)
        else:  # quotes in a target are no markup
            parts.append(piece.target.strip().removeprefix(":").replace("'", "&#39;") + piece.after)
    return "".join(parts)


def _without_hidden(text: str) -> str:
    """Take out what a style hides, mostly keys to sort by, up to the tag that closes it; where there is none, nothing is hidden."""
    if not _HIDING.search(text):
        return text
    opened: dict[str, list[tuple[int, bool]]] = {}  # of each kind of tag, those that are open: where, and whether it hides
    hidden: list[tuple[int, int]] = []
    for tag in _HTML_TAG.finditer(text):
        of_kind = opened.setdefault(tag[1].lower(), [])
        if tag[0].endswith("/>"):
            continue
        if not tag[0].startswith("</"):
            of_kind.append((tag.start(), _HIDING.search(tag[0]) is not None))
        elif of_kind:
            begin, hides = of_kind.pop()
            if hides:
                hidden.append((begin, tag.end()))
    parts = []
    place = 0
    for begin, end in sorted(hidden):
        if begin >= place:
            parts.append(text[place:begin])
        place = max(place, end)
    return "".join(parts) + text[place:]


def _first_variant(conversion: re.Match[str]) -> str:
    """-{ }- of wikis in several scripts: -{text}- shows the text, -{zh-hans:a;zh-hant:b}- one of the two."""
    flags, pipe, rules = conversion[1].partition("|")
    if not pipe or not _FLAGS.fullmatch(flags):
        flags, rules = "", conversion[1]
    if set(flags.split(";")) & {"H", "T", "-", "D"}:  # rules for other places, and the page's title
        return ""
    variant = _VARIANT.search(rules)
    return variant[1].strip() if variant and "R" not in flags else rules


def _without_quotes(line: str) -> str:
    """Take out '' and '''. Where both are left open, one ''' was an apostrophe before ''.

    Source: MediaWiki's includes/parser/Parser.php (doQuotes).
    """
    runs = [(run.start(), run.end()) for run in _QUOTES.finditer(line)]
    sizes = [{2: 2, 3: 3, 4: 3}.get(end - begin, 5) for begin, end in runs]
    apostrophe = -1
    if sum(size != 2 for size in sizes) % 2 and sum(size != 3 for size in sizes) % 2:
        # The first one behind a word of one letter; else behind another word; else behind a space.
        def rank(number: int) -> int:
            before = line[runs[number - 1][1] if number else 0 : runs[number][0]]
            if before.endswith(" "):
                return 2
            return 0 if before[-2:-1] == " " else 1

        apostrophe = min((number for number, size in enumerate(sizes) if size == 3), key=rank, default=-1)
    parts = []
    place = 0
    for number, ((begin, end), size) in enumerate(zip(runs, sizes, strict=True)):
        parts.append(line[place:begin] + "'" * (end - begin - size + (number == apostrophe)))
        place = end
    return "".join(parts) + line[place:]
