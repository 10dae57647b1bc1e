"""What templates show that stand in the fields of infoboxes.

A dump has the templates, but to expand them takes MediaWiki. So those that make lists, dates and notes, or that wrap a text, are known
here by name, in the languages that have settings under conf/; of any other one its first argument is shown.
"""

import re
from collections.abc import Callable, Mapping

from embedding.wiki.characters import BREAK, NAME_MARK
from embedding.wiki.interwiki import LANGUAGES
from embedding.wiki.nodes import Nodes, flatten
from embedding.wiki.site import Site

_LISTS = {
    "ubl", "ubli", "ublist", "vunblist", "unbulleted list", "unbullet list", "ulist", "bulleted list", "blist", "ordered list", "plainlist",
    "plain list", "startplainlist", "indented plainlist", "flatlist", "flat list", "hlist", "horizontal list", "cslist",
    "comma separated entries", "br separated entries", "newline separated entries", "collapsible list", "enum", "isbn", "isbnt",
    "lista plana", "lista horizontal", "lista desplegable", "liste simple", "liste horizontale",
}  # fmt: skip
_SILENT = {
    "efn", "refn", "r", "rp", "ref", "citation needed", "cn", "fact", "clarify", "dubious", "who", "when", "flagicon", "notetag",
    "better source needed", "verify source", "ref label", "note label", "anchor", "gutenberg", "refnec", "référence nécessaire",
    "refsou", "note", "cita requerida", "senza fonte", "要出典", "来源请求", "來源請求", "noteta", "bandera", "bandiera", "drapeau",
    "flagdeco", "endplainlist", "endflatlist", "clear", "hs", "hsk", "hidden sort key", "ntsh", "dtsh",
}  # fmt: skip
_SILENT_BEGINNINGS = ("cite ", "citation", "sfn", "harv", "efn")
_DATES = {
    "start date", "start date and age", "film date", "date", "dts", "release date", "published date", "publication date", "datum",
    "fecha", "fecha de inicio", "data", "date de parution", "start-date",
}  # fmt: skip
_DATE_FORMATS = {"dmy", "mdy", "ymd", "iso"}
_ABOUT = {"circa", "c.", "ca", "ca."}
_ERAS = {"bc": "BC", "bce": "BCE", "ce": "CE", "av jc": "av. J.-C.", "ap jc": "apr. J.-C."}  # behind the year, if it is given
# What stands behind the language, the script, the colour, the key to sort by; of langx, before the transliteration.
_SECOND_ARGUMENT = {"lang", "langx", "langue", "script", "rtl-lang", "native name", "color", "font color", "url", "sort", "sortkey"}
_LAST_ARGUMENT = {"transl", "transliteration", "wikt-lang"}
_FIRST_ARGUMENT = {"flag", "flagcountry", "flagu", "nihongo", "nowrap", "nobr", "small"}  # even if a year comes after it
_SORTED_NAME = "sortname"  # {{sortname|John|Smith}} is [[John Smith]], sorted as Smith, John; the page may be the third argument
# Called without arguments, these are not yet filled in, or begin and end a list or columns.
_NO_NAME = _DATES | _ABOUT | _SECOND_ARGUMENT | _LAST_ARGUMENT | _FIRST_ARGUMENT | {_SORTED_NAME}
_LIST_MARK = re.compile(r"end\b.*|end(?:list|div|col|plain|flat|tree|bulleted|ordered).*|.*(?:end|begin|start|break|list|div col|col)")
_SIGNS = {
    **dict.fromkeys(["nbsp", "nbs", "spaces", "space", "thinsp", "thin space", "hair space"], " "),
    **dict.fromkeys(["snd", "snds", "spnd", "spaced ndash"], " – "), **dict.fromkeys(["ndash", "–", "en dash"], "–"),
    **dict.fromkeys(["mdash", "—", "em dash"], "—"), **dict.fromkeys(["·", "dot", "middot", "*", "•", "bull", "bullet"], " · "),
    "'": "'", "apostrophe": "'", "'s": "'s", "\\": " / ", "(": "{", ")": "}", "br": BREAK, "break": BREAK, "crlf": BREAK,
}  # fmt: skip
# {{ill|Title|de|Titel}} is [[Title]] for a page that is still to be written, with a way to another language's; formerly it was
# {{ill|de|Title}}. Name: arguments that may hold the title.
_LINKS = {
    "lien": ("fr", "1", "trad"), "tsl": ("3", "2"), "link-interwiki": ("en", "1"),
    **dict.fromkeys(["ill", "illm", "interlanguage link", "interlanguage link multi", "enlace interlingüe", "仮リンク", "le"], ("1", "2")),
}  # fmt: skip
_LABELS = ("lt", "texte", "label", "display")
_FUNCTIONS: Mapping[str, Callable[[str], str]] = {
    "lc": str.lower, "uc": str.upper, "lcfirst": lambda text: text[:1].lower() + text[1:],
    "ucfirst": lambda text: text[:1].upper() + text[1:], "formatnum": str, "#formatdate": str, "#dateformat": str,
}  # fmt: skip
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")
_YEAR = re.compile(r"[12][0-9]{3}")
_COUNTRY_CODE = re.compile(r"[A-Z]{2,3}")
_PLAIN_NAME = re.compile(r"[^\W\d_][\w '’.-]*")


def template_key(name: str, site: Site) -> str:
    """The name of a template for looking it up: its title in lower case; empty when {{name}} calls no template."""
    return (site.template(name) or "").lower()


def linked_title(key: str, arguments: Mapping[str, Nodes]) -> str | None:
    """The page of this wiki that a template such as {{ill}} or {{sortname}} links to."""
    if key == _SORTED_NAME:
        texts = {name: flatten(value)[0].strip() for name, value in arguments.items()}
        remark = f" ({texts['dab']})" if texts.get("dab") else ""
        return None if texts.get("nolink") else texts.get("3") or f"{_sorted_name(texts)}{remark}" or None
    titles = (flatten(arguments[name])[0].strip() for name in _link_names(key) if name in arguments)
    return next((title for title in titles if title not in LANGUAGES), None)


def shown(name: str, key: str, arguments: Mapping[str, str]) -> str:
    """The text that a template shows.

    Args:
        name: what stands before its first pipe.
        key: see `template_key`.
        arguments: by name, as plain text.
    """
    positional = [arguments[number] for number in sorted(filter(_NUMBER.fullmatch, arguments), key=int)]
    texts = [text.strip() for text in positional if text.strip()]
    if name.startswith("#if:"):
        return arguments.get("1" if name[4:].strip() else "2", "")
    function, colon, text = name.partition(":")
    if colon and function.strip().lower() in _FUNCTIONS:
        return _FUNCTIONS[function.strip().lower()](text.strip())
    if key in _SIGNS:
        return _SIGNS[key]
    if key in _LISTS:
        return BREAK + BREAK.join(positional)
    if colon and (function.strip().lower(), text.strip().lower()) == ("#invoke", "list"):  # what {{unbulleted list}} and the like call
        return BREAK + BREAK.join(positional[1:])
    if name.startswith("#") or key in _SILENT or key.startswith(_SILENT_BEGINNINGS):
        return ""
    if names := _link_names(key):
        return next((arguments[name] for name in (*_LABELS, *names) if arguments.get(name, "").strip() not in ("", *LANGUAGES)), "")
    if key in _ERAS:
        return " ".join([*texts[:1], _ERAS[key]])
    if not texts:
        return "" if arguments or key in _NO_NAME or _LIST_MARK.fullmatch(key) else _shown_alone(name)
    if texts == ["#"] and _COUNTRY_CODE.fullmatch(name):  # its flag alone: {{DEU|#}}
        return f"{NAME_MARK}{name}{NAME_MARK}"
    if key == _SORTED_NAME:
        return _sorted_name(arguments)
    if key in _ABOUT:
        return "c. " + " – ".join(texts)
    if key in _SECOND_ARGUMENT:
        return texts[min(1, len(texts) - 1)]
    if key in _LAST_ARGUMENT:
        return texts[-1]
    if key in _DATES or (key not in _FIRST_ARGUMENT and any(map(_YEAR.fullmatch, texts))):
        return _date([text for text in texts[:3] if text.lower() not in _DATE_FORMATS])
    return texts[0]


def _shown_alone(name: str) -> str:
    """Templates of nothing but a name are most often countries, with their flags: {{FRA}}, {{France}}. But they may be remarks."""
    if _COUNTRY_CODE.fullmatch(name):
        return name
    if _PLAIN_NAME.fullmatch(name) and not name[0].islower() and not name.isupper():  # {{PAGENAME}} and the like
        return f"{NAME_MARK}{name}{NAME_MARK}"
    return ""


def _date(parts: list[str]) -> str:
    if parts and _YEAR.fullmatch(parts[0]) and all(part.isdecimal() for part in parts):
        return "-".join(part.zfill(2) for part in parts)
    return " ".join(parts)


def _sorted_name(arguments: Mapping[str, str]) -> str:
    return " ".join(filter(None, (arguments.get(name, "").strip() for name in ("1", "2"))))


def _link_names(key: str) -> tuple[str, ...]:
    return _LINKS.get(key) or (("1",) if key.startswith(("link-", "internal link helper/")) else ())
