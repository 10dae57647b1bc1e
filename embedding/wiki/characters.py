"""Characters of wikitext: which it may hold, and character references.

Source: MediaWiki's includes/parser/Sanitizer.php (decodeCharReferences, validateCodepoint) and UtfNormal, through which every saved
text went.
"""

import re
from html.entities import html5

# Characters that no saved text holds, so that they are free to mark places in it while it is read. None counts as white space.
TEMPLATE_MARK, TAG_MARK, BREAK, NAME_MARK = "\x7f", "\x00", "\x01", "\x02"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_REFERENCE = re.compile(r"&(?:([A-Za-z0-9\x80-\U0010ffff]++;)|#([0-9]+);|#[xX]([0-9A-Fa-f]+);)", re.ASCII)
_ALIASES = {"רלמ;": "rlm;", "رلم;": "rlm;"}


def clean(text: str) -> str:
    """The text as MediaWiki parses it: line ends are newlines, control characters are U+FFFD, and U+007F is a question mark."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("\ufffd", text).replace("\x7f", "?")


def decode_references(text: str) -> str:
    """Replace character references (&amp; &#65; &#x41;). Unlike in HTML, they need their semicolon; unknown names stay."""
    return _REFERENCE.sub(_character, text) if "&" in text else text


def _character(reference: re.Match[str]) -> str:
    name, decimal, hexadecimal = reference.groups()
    if name:
        return html5.get(_ALIASES.get(name, name), reference[0])
    digits = (decimal or hexadecimal).lstrip("0")
    code = int(digits or "0", 10 if decimal else 16) if len(digits) < 8 else -1
    valid = code in (9, 10) or 0x20 <= code <= 0x7E or 0xA0 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF
    return chr(code) if valid else "\N{REPLACEMENT CHARACTER}"
