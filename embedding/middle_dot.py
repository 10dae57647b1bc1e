"""The dot ・ of Japanese, which stands between names and inside of them."""

# Beside kanji or hiragana ・ stands between two names (夏目漱石・村上春樹, 小説・SF); between katakana or Latin letters it stands inside of
# one, as in ジョージ・オーウェル and J・R・R・トールキン. The dot of Chinese transliterations (·) is another character.
_KANJI = "[々〆ぁ-ゖ\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
BETWEEN_NAMES = rf"(?<={_KANJI}) ?[・･]|[・･] ?(?={_KANJI})"  # a regular expression; ･ is the narrow one
