"""Genres under one name each: "Science fiction novel", "Sci-fi" and "science-fiction" are one.

English words and synonyms are known; of other languages case, punctuation and a Latin plural -s are forgiven.
"""

from collections.abc import Iterable, Sequence

from embedding.atlas.labels import named_alike, plain

# What only says that it is a book. Taken off the end of a genre, unless nothing or something else would be left.
_KINDS = {"novel", "fiction", "literature", "book", "genre", "tale", "work", "writing", "literary"}
_FORMS = {"collection", "anthology"}
_WHOLE = {
    "science fiction", "non fiction", "graphic novel", "light novel", "visual novel", "fan fiction", "flash fiction", "fairy tale",
    "speculative fiction", "literary fiction", "popular fiction", "pulp fiction", "folk tale", "comic book", "picture book",
}  # fmt: skip
_SYNONYMS = {
    "sci fi": "science fiction", "scifi": "science fiction", "sf": "science fiction",
    "nonfiction": "non fiction", "factual": "non fiction",
    "ya": "young adult", "young adults": "young adult", "teen": "young adult", "teenage": "young adult", "youth": "young adult",
    "children": "childrens", "child": "childrens", "juvenile": "childrens", "kids": "childrens", "kid": "childrens",
    "childrens picture book": "picture book", "childrens picture": "picture book",
    "historical": "historical fiction", "historic": "historical fiction",
    "short story": "short story", "short": "short story", "story": "short story", "stories": "short story",
    "whodunnit": "mystery", "whodunit": "mystery", "murder mystery": "mystery", "espionage": "spy", "spy thriller": "spy",
    "humour": "humor", "humorous": "humor", "comic": "comedy", "comedic": "comedy",
    "romantic": "romance", "satirical": "satire", "dystopia": "dystopian", "post apocalyptic": "apocalyptic",
    "roleplaying game": "role playing game", "rpg": "role playing game",
    "alternative history": "alternate history", "magic realist": "magic realism", "magical realism": "magic realism",
    "modernist": "modernism", "postmodern": "postmodernism", "postmodernist": "postmodernism", "realist": "realism",
    "coming of age": "bildungsroman", "coming of age story": "bildungsroman", "poem": "poetry", "poems": "poetry",
    "play": "drama", "theatre": "drama", "philosophical": "philosophical fiction", "memoirs": "memoir",
}  # fmt: skip
# Groups whose commonest spelling would mislead or read badly.
_NAMES = {
    "science fiction": "Science fiction", "non fiction": "Nonfiction", "young adult": "Young adult fiction",
    "childrens": "Children's literature", "short story": "Short stories", "picture book": "Picture book",
}  # fmt: skip
# These say little of a book: another genre that it has is its main one.
_GENERAL = {"novel", "fiction", "book", "literature", "prose"}


def genre_key(text: str) -> str:
    """What all spellings of a genre share; "" where the text has no letters."""
    words = [_singular(word) for word in plain(text).split()]
    while words:
        whole = " ".join(words)
        if whole in _WHOLE:
            break
        if whole in _SYNONYMS:
            return _SYNONYMS[whole]
        if len(words) > 1 and (words[-1] in _KINDS or words[-1] in _FORMS) and not _protected(words):
            words.pop()
            continue
        break
    return " ".join(words)


def name_genres(rows: Sequence[Iterable[str] | None]) -> list[list[str]]:
    """The genres of each book under their common names, the most telling first."""
    named = named_alike(rows, genre_key, _NAMES)
    keys = {name: genre_key(name) for row in named for name in row}
    return [sorted(row, key=lambda name: keys[name] in _GENERAL) for row in named]


def _protected(words: Sequence[str]) -> bool:
    """The last two words are one term: "hard science fiction" is not "hard science"."""
    return " ".join(words[-2:]) in _WHOLE


def _singular(word: str) -> str:
    """Without the plural's -s; only ever compared, not shown."""
    if word == "stories":
        return "story"
    if len(word) > 4 and word.isascii() and word.endswith("s") and not word.endswith(("ss", "us", "is", "ics", "ns")):
        return word[:-1]
    return word
