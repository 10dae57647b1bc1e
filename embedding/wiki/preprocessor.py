"""Wikitext taken apart as MediaWiki does it before anything else: comments, tags of extensions, templates and their arguments.

Braces and brackets are matched by a stack in one pass, so that the time grows with the length of the text, whatever it holds. A
bracket that is not closed keeps the template around it from closing: {{a|[[b}} is text.
Source: https://www.mediawiki.org/wiki/Preprocessor_ABNF and MediaWiki's includes/parser/Preprocessor_Hash.php.
"""

import re
from collections.abc import Iterator

from embedding.wiki.nodes import Extension, Node, Nodes, Parameter, Template

MAX_DEPTH = 100  # what lies deeper is not expanded: MediaWiki's $wgMaxPPExpandDepth
# Tags whose content is no wikitext until the extension says so: MediaWiki's own, and those of the extensions on Wikimedia's wikis.
_EXTENSIONS = """
    nowiki pre gallery indicator langconvert ref references math chem ce poem syntaxhighlight source timeline hiero imagemap inputbox
    score section templatestyles templatedata categorytree mapframe maplink graph charinsert phonos dynamicpagelist quiz rss
"""
_VARIABLES = {"!": "|", "=": "="}  # {{!}} and {{=}}, by which these stand where they would separate arguments


class _Open:
    """What was opened and is not closed yet.

    Braces gather parts of their own. A link, -{ and a heading only decide what may close: their text goes where it went before.
    """

    __slots__ = ("count", "dash", "kind", "out", "parts")

    def __init__(self, kind: str, count: int, out: Nodes, dash: bool = False) -> None:
        self.kind, self.count, self.dash = kind, count, dash
        self.parts: list[tuple[Nodes | None, Nodes]] = []
        self.out = out
        if kind == "{":
            self.next_part()

    def next_part(self) -> None:
        self.out = []
        self.parts.append((None, self.out))

    def split(self) -> None:
        """What was read of this part is a name; its value begins."""
        name, self.out = self.out, []
        self.parts[-1] = (name, self.out)

    def finds_equals(self) -> bool:
        return len(self.parts) > 1 and self.parts[-1][0] is None

    def as_text(self) -> Iterator[Node]:
        """The braces that nothing closes."""
        yield ("-" if self.dash else "") + "{" * self.count
        for number, (name, value) in enumerate(self.parts):
            if number:
                yield "|"
            if name is not None:
                yield from name
                yield "="
            yield from value


_TAG_NAMES = _EXTENSIONS.split()
_TAG = "|".join(["!--", *(rf"{name}(?=\s|/?>)" for name in ["/?noinclude", "/?onlyinclude", "includeonly", *_TAG_NAMES])])
_OPENING = rf"\[\[+|\{{\{{+|-\{{+|<(?i:({_TAG}))"
_HEADING = r"|\n=+"
_FIND_TOP = re.compile(_OPENING + _HEADING)
_FIND = {
    "[": re.compile(rf"{_OPENING}{_HEADING}|\]\]"),
    "-": re.compile(rf"{_OPENING}{_HEADING}|\}}-"),
    "=": re.compile(rf"{_OPENING}|\n"),
    "{": re.compile(rf"{_OPENING}{_HEADING}|\||\}}{{2,3}}"),
}
_FIND_EQUALS = re.compile(rf"{_OPENING}{_HEADING}|\||\}}{{2,3}}|=")
_CLOSING_TAG = {name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in [*_TAG_NAMES, "includeonly"]}


def preprocess(text: str) -> Nodes:
    """Take wikitext apart. Comments are gone, and so is what stands in <includeonly>, which only who includes the page sees.

    Args:
        text: wikitext without control characters (see `characters.clean`).
    """
    return _Preprocessor(text).run()


class _Preprocessor:
    def __init__(self, text: str) -> None:
        self._text = text
        self._root: Nodes = []
        self._out = self._root
        self._stack: list[_Open] = []
        self._begin = 0  # what is read of the text and not yet in `_out` begins here
        self._place = 0
        self._unclosed: set[str] = set()  # tags that nothing closes from here on
        self._tags_end = True  # is there a > ahead?

    def run(self) -> Nodes:
        if self._text.startswith("="):  # the text begins a line
            self._push(_Open("=", 1, self._out))
        while match := self._pattern().search(self._text, self._place):
            self._place = match.end()
            token = match[0]
            match token[0]:
                case "<":
                    self._tag(match.start(), match[1].lower())
                case "{":
                    self._open_braces(match.start(), len(token))
                case "-" if len(token) == 2:
                    self._push(_Open("-", 2, self._out))
                case "-":  # -{{ is a dash before braces
                    self._open_braces(match.start(), len(token) - 1, dash=True)
                case "[":
                    self._push(_Open("[", len(token), self._out))
                case "]":
                    self._close_link()
                case "}" if token == "}-":
                    self._pop()
                case "}":
                    self._close_braces(match.start(), len(token))
                case "|":
                    self._flush(match.start(), match.end())
                    self._stack[-1].next_part()
                    self._out = self._stack[-1].out
                case "=":
                    self._flush(match.start(), match.end())
                    self._stack[-1].split()
                    self._out = self._stack[-1].out
                case _:
                    self._new_line(match.start(), len(token) - 1)
        self._flush(len(self._text), len(self._text))
        for piece in self._stack:
            if piece.kind == "{":
                self._root.extend(piece.as_text())
        return self._root

    def _pattern(self) -> re.Pattern[str]:
        if not self._stack:
            return _FIND_TOP
        top = self._stack[-1]
        return _FIND_EQUALS if top.kind == "{" and top.finds_equals() else _FIND[top.kind]

    def _flush(self, end: int, begin: int) -> None:
        """Write the text up to `end`; go on at `begin`."""
        if end > self._begin:
            self._out.append(self._text[self._begin : end])
        self._begin = self._place = begin

    def _push(self, piece: _Open) -> None:
        self._stack.append(piece)
        self._out = piece.out

    def _pop(self) -> None:
        self._stack.pop()
        self._out = self._stack[-1].out if self._stack else self._root

    def _new_line(self, start: int, equals: int) -> None:
        top = self._stack[-1] if self._stack else None
        if top is not None and top.kind == "=":
            self._pop()
            self._place = start  # this newline may begin a heading too
        elif equals == 1 and top is not None and top.finds_equals():
            self._place = start + 1  # the = after a name that ends with a newline
        else:
            self._push(_Open("=", 1, self._out))  # perhaps a heading; until the line ends, nothing that was open before it can close

    def _close_link(self) -> None:
        top = self._stack[-1]
        top.count -= 2
        if top.count < 2:
            self._pop()

    def _open_braces(self, start: int, count: int, dash: bool = False) -> None:
        self._flush(start, self._place)
        self._push(_Open("{", count, self._out, dash))

    def _close_braces(self, start: int, run: int) -> None:
        top = self._stack[-1]
        matched = min(run, top.count, 3)
        self._flush(start, start + matched)
        (_, title), *arguments = top.parts
        self._pop()
        left = top.count - matched
        if left >= 2:
            self._push(_Open("{", left, self._out, top.dash))
        elif left == 1 and top.dash:  # -{{{a}} is -{ before {{a}}
            self._out.append("-{")
            self._push(_Open("-", 2, self._out))
        elif left == 1 or top.dash:
            self._out.append("{" if left == 1 else "-")
        if matched == 3:
            self._out.append(Parameter(_whole(arguments[0]) if arguments else None))
        elif not arguments and len(title) == 1 and isinstance(title[0], str) and title[0].strip() in _VARIABLES:
            self._out.append(_VARIABLES[title[0].strip()])
        else:
            self._out.append(Template(title, arguments))

    def _tag(self, start: int, name: str) -> None:
        text = self._text
        if name == "!--":
            end = text.find("-->", start + 4)
            self._flush(start, end + 3 if end >= 0 else len(text))
            return
        end = text.find(">", self._place) if self._tags_end else -1
        if end < 0:
            self._tags_end = False
        elif name.endswith(("noinclude", "onlyinclude")):
            self._flush(start, end + 1)
        elif text[end - 1] == "/":
            self._flush(start, end + 1)
            if name != "includeonly":
                self._out.append(Extension(name, ""))
        elif name not in self._unclosed and (close := _CLOSING_TAG[name].search(text, end + 1)):
            self._flush(start, close.end())
            if name != "includeonly":
                self._out.append(Extension(name, text[end + 1 : close.start()]))
        elif name == "includeonly":
            self._flush(start, len(text))
        else:
            self._unclosed.add(name)
            self._place = end + 1


def _whole(part: tuple[Nodes | None, Nodes]) -> Nodes:
    """A part with its equals sign, where that separates nothing."""
    name, value = part
    return value if name is None else [*name, "=", *value]
