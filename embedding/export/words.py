"""Titles as words of a word2vec file, which ends a word at the first space."""

import re

_SPACES = re.compile(r"\s")  # every space and line break of Unicode: many readers split at any of them


class Words:
    """Gives every title a word of its own.

    Spaces become underscores, as in Wikipedia's own addresses: War_and_Peace. A word that was given before (two titles that differ in
    nothing but the kind of a space, or a dump that holds a page twice) gets #2, #3 and so on behind it; no title of MediaWiki holds a #.
    """

    def __init__(self) -> None:
        self._given: set[str] = set()
        self.numbered = 0

    def word(self, title: str) -> str:
        """The word of the next title."""
        plain = word = _SPACES.sub("_", title) or "_"
        number = 1
        while word in self._given:
            number += 1
            word = f"{plain}#{number}"
        self.numbered += number > 1
        self._given.add(word)
        return word
