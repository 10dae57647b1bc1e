"""The explorer in a real browser, opened from a file as people open it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedding import cli
from tests.atlas.browser import browser
from tests.atlas.mapped import HOSTILE, LIBRARY, Book, write_mapped

LABELS = "[...document.querySelectorAll('.label:not([hidden])')].map(label => label.textContent)"
NO_WEBGL = """HTMLCanvasElement.prototype.getContext = new Proxy(HTMLCanvasElement.prototype.getContext, {
    apply: (get, canvas, [kind, ...more]) => (kind === '2d' ? Reflect.apply(get, canvas, [kind, ...more]) : null),
})"""
DESKTOP = {"width": 1280, "height": 800}
# Each hostile title is also an author, a genre and a shared link.
BOOKS = [
    *LIBRARY,
    *(Book(title, title, [title], title, title, 1990, 0, [(0, 0.1, [title, HOSTILE[0]])]) for title in HOSTILE),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as launched:
        yield launched


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("explorer")
    write_mapped(folder / "warehouse", BOOKS)
    out = folder / "a page #1.html"
    cli.main((), ["explore", "--warehouse", str(folder / "warehouse"), "--out", str(out), "--no-open"])
    return out.as_uri()


@pytest.fixture(scope="module")
def opened(chromium: Any, address: str) -> Iterator[tuple[Any, list[str], list[str]]]:
    """One page for all tests, what its console said, and what it asked for."""
    context = chromium.new_context(reduced_motion="reduce", viewport=DESKTOP)
    context.set_default_timeout(15_000)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    context.on("request", lambda one: asked.append(one.url))
    _open(page, address)
    yield page, said, asked
    context.close()


@pytest.fixture
def page(opened: tuple[Any, list[str], list[str]], address: str) -> Iterator[Any]:
    """The page as it is when it is opened; afterwards: it asked for nothing, and its console is empty."""
    page, said, asked = opened
    page.set_viewport_size(DESKTOP)
    page.evaluate("location.hash = ''")
    page.wait_for_selector("#ui-card", state="hidden")
    page.fill("#ui-search", "")
    page.check("input[value=genre]")
    page.check("input[value=t-SNE]")
    page.evaluate("document.querySelector('#ui-all').click(); document.querySelector('#ui-whole').click()")
    yield page
    assert said == []
    assert [url for url in asked if not url.startswith(address)] == []
    assert page.evaluate("window.broken") is None


def _open(page: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("html[data-ready=all][data-map=drawn]")


def _shows(page: Any, title: str) -> None:
    """Wait until the card of this book is open ("": until none is)."""
    shown = "document.querySelector('#ui-card:not([hidden]) h2')?.textContent ?? ''"
    page.wait_for_function(f"title => ({shown}) === title", arg=title)


def _near(page: Any) -> list[str]:
    return [str(text) for text in page.locator("#ui-card .near .title").all_inner_texts()]


def _choose(page: Any, text: str) -> None:
    page.fill("#ui-search", text)
    page.press("#ui-search", "Enter")


def _groups(page: Any) -> dict[str, str]:
    names, counts = (page.locator(f"#ui-groups .{part}").all_inner_texts() for part in ("name", "count"))
    return dict(zip(names, counts, strict=True))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("miserables", ["Les Misérables"]),
        ("ŒDIPE a paris", ["Œdipe à Paris"]),
        ("lukasz aegidius", ["Œdipe à Paris"]),
        ("tolstoy", ["War and Peace", "Anna Karenina"]),
        ("peace tolstoy", ["War and Peace"]),
        ("far", ["Far away", "Farther away"]),
        ("العربية", ["العربية والكتاب"]),
        ("📚", ["📚 emoji 👩‍👩‍👧‍👦 book"]),
        ("no such book", []),
    ],
)
def test_search_forgives_case_and_accents_and_finds_authors(page: Any, text: str, found: list[str]) -> None:
    page.fill("#ui-search", text)
    assert page.locator("#ui-results .result .title").all_inner_texts() == found
    assert ("No book or author is called that" in page.inner_text("#ui-results")) == (not found)


def test_a_book_is_chosen_by_keyboard_and_its_card_tells_all(page: Any) -> None:
    page.keyboard.press("/")
    page.keyboard.type("tolstoy")
    page.keyboard.press("ArrowDown")
    assert page.get_attribute("#ui-search", "aria-activedescendant") == "ui-result-1"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")  # from the first to the last
    page.keyboard.press("Enter")
    _shows(page, "Anna Karenina")
    text = page.inner_text("#ui-card")
    for fact in ("Leo Tolstoy, 1878", "Realist novel", "Russia", "Russian", "from 8 other books"):
        assert fact in text
    assert page.get_attribute("#ui-card .action", "href") == "https://en.wikipedia.org/wiki/Anna_Karenina"
    assert _near(page) == ["War and Peace", "The Idiot"]
    assert page.locator("#ui-card .similarity").all_text_contents() == [", similarity 0.91", ", similarity 0.60"]
    assert page.locator("#ui-card .near li >> nth=0").locator(".link").all_inner_texts() == list(LIBRARY[1].near[0][2])
    assert page.evaluate("document.activeElement.textContent") == "Anna Karenina"
    assert "2 neighbours" in page.inner_text("#ui-status")
    page.keyboard.press("Escape")
    _shows(page, "")


def test_a_click_on_the_map_opens_the_book_and_its_neighbours_are_marked(page: Any) -> None:
    before = page.locator("#ui-labels .label:visible")
    place = before.filter(has_text=re.compile("^Odyssey$")).bounding_box()
    page.mouse.move(place["x"] - 8, place["y"] + place["height"] / 2)
    page.wait_for_selector("#ui-tip:visible")
    assert page.inner_text("#ui-tip") == "Odyssey\nHomer, 700 BC"
    page.mouse.click(place["x"] - 8, place["y"] + place["height"] / 2)
    page.wait_for_selector("#ui-card:visible")
    _shows(page, "Odyssey")
    page.wait_for_selector("#ui-labels .label.near")
    assert page.locator("#ui-labels .here:visible").all_inner_texts() == ["Odyssey"]
    assert page.locator("#ui-labels .near:visible").all_inner_texts() == ["Œdipe à Paris"]


def test_from_neighbour_to_neighbour_and_back_and_forward(page: Any) -> None:
    _choose(page, "war and peace")
    page.click("#ui-card .near a.book >> nth=1")
    _shows(page, "The Idiot")
    page.click("#ui-card .near a.book")
    _shows(page, "War and Peace")
    page.go_back()
    _shows(page, "The Idiot")
    page.click("#ui-back")
    _shows(page, "War and Peace")
    page.go_forward()
    _shows(page, "The Idiot")
    page.go_back()
    page.go_back()
    _shows(page, "")
    assert page.title() == "bookspace"


def test_an_address_names_a_book(page: Any, address: str) -> None:
    for title, shown in [("anna_KARENINA", "Anna Karenina"), ("%3F_(film_tie-in)_%231_%26_50%25_%22more%22", LIBRARY[10].title)]:
        page.goto(f"{address}#{title}")
        _shows(page, shown)
    for wrong in ("No_such_book", "%E0%A4%A", "?nothing=1"):
        page.goto(f"{address}#{wrong}")
        _shows(page, "Not here")


def test_colours_and_filter(page: Any) -> None:
    assert _groups(page)["Realist novel"] == "2"
    page.check("input[value=country]")
    assert {"Russia": "3", "France": "2", "Japan": "3", "Not known": "2"}.items() <= _groups(page).items()
    page.click("#ui-groups button:has-text('Russia')")
    assert "3 of 23 books" in page.inner_text("#ui-legend")
    assert page.get_attribute("#ui-groups button:has-text('Russia')", "aria-pressed") == "true"
    page.wait_for_function(f"() => !({LABELS}).includes('Odyssey') && ({LABELS}).includes('War and Peace')")
    page.check("input[value=genre]")  # the filter by country stays, and counts go by it
    assert _groups(page)["Realist novel"] == "2"
    assert _groups(page)["Epic poetry"] == "0"
    page.click("#ui-groups button:has-text('Realist novel')")
    assert "2 of 23 books" in page.inner_text("#ui-legend")
    assert "Also filtered: Russia" in page.inner_text("#ui-legend")
    page.click("#ui-all")
    assert page.inner_text("#ui-shown") == "23 books"
    page.check("input[value=decade]")
    assert {"Before 1500": "1", "1850–1899": "4", "1950s": "1", "2000s": "3", "Not known": "1"}.items() <= _groups(page).items()


def test_the_other_map_puts_the_books_elsewhere(page: Any) -> None:
    def place() -> Any:
        return page.locator("#ui-labels .label:visible").filter(has_text="War and Peace").bounding_box()

    before = place()
    page.check("input[value=UMAP]")
    page.wait_for_function(
        "([x, y]) => { const l = [...document.querySelectorAll('.label:not([hidden])')].find(l => l.textContent === 'War and Peace');"
        " if (!l) return true; const b = l.getBoundingClientRect(); return Math.hypot(b.x - x, b.y - y) > 40 }",
        arg=[before["x"], before["y"]],
    )


def test_a_path_leads_from_one_book_to_another(page: Any) -> None:
    _choose(page, "anna karenina")
    page.click("text=Path to another book")
    page.keyboard.type("odyssey")
    page.keyboard.press("Enter")
    _shows(page, "Anna Karenina → Odyssey")
    assert _near(page) == ["Anna Karenina", "War and Peace", "Les Misérables", "Œdipe à Paris", "Odyssey"]
    assert page.locator("#ui-card .near li >> nth=3").locator(".link").all_inner_texts() == ["Paris"]
    shared = page.evaluate("location.hash")
    page.goto(page.url.split("#")[0] + "#?from=Anna_Karenina&to=Far_away")
    page.wait_for_selector("text=No way leads from one to the other")
    assert shared == "#?from=Anna_Karenina&to=Odyssey"


def test_a_shared_link_leads_to_its_books(page: Any) -> None:
    _choose(page, "les misérables")
    page.click("#ui-card a.link:has-text('Paris')")
    _shows(page, "Paris")
    assert _near(page) == ["Les Misérables", "Œdipe à Paris"]
    page.click("#ui-card .near a.book >> nth=1")
    _shows(page, "Œdipe à Paris")
    _choose(page, "? film")
    page.click("#ui-card a.link")
    _shows(page, "What? #2 & 3%")
    assert page.get_attribute("#ui-card .action", "href") == "https://en.wikipedia.org/wiki/What%3F_%232_%26_3%25"


def test_the_keyboard_alone_moves_the_map(page: Any) -> None:
    page.focus("#ui-map")
    page.keyboard.press("0")
    labels = page.locator("#ui-labels .label:visible")
    before = labels.first.bounding_box()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("x => document.querySelector('.label').getBoundingClientRect().x !== x", arg=before["x"])
    page.keyboard.press("0")
    for _ in range(3):
        page.keyboard.press("-")
    page.keyboard.press("Enter")
    page.wait_for_selector("#ui-card:visible")
    assert page.inner_text("#ui-card h2") in {book.title for book in BOOKS}
    page.keyboard.press("?")
    assert page.is_visible("#ui-help")
    page.keyboard.press("Escape")
    assert not page.is_visible("#ui-help")
    assert page.is_visible("#ui-card")


def test_every_control_has_a_name(page: Any) -> None:
    _choose(page, "war and peace")
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, a, input, [role]')].filter(e => e.checkVisibility() && !(e.getAttribute('aria-label')"
        " || e.getAttribute('aria-labelledby') || e.textContent.trim() || e.labels?.[0]?.textContent.trim() || e.role === 'status'"
        " || e.getAttribute('aria-live'))).map(e => e.outerHTML)"
    )
    assert nameless == []


def test_dark_as_the_system_says_and_as_one_chooses(page: Any) -> None:
    def ground(colour: str) -> None:
        page.wait_for_function("colour => getComputedStyle(document.body).backgroundColor === colour", arg=colour)

    light, dark = "rgb(246, 245, 242)", "rgb(16, 18, 24)"
    ground(light)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    ground(dark)
    page.click("#ui-theme")
    ground(light)
    page.reload()
    page.wait_for_selector("html[data-ready=all][data-map=drawn]")
    ground(light)  # the choice is remembered
    page.emulate_media(color_scheme="light", reduced_motion="reduce")


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 740})

    def wider() -> Any:
        return page.evaluate(
            "[...document.querySelectorAll('body *')].filter(e => e.checkVisibility()"
            " && !e.closest('#ui-map, #ui-labels, .visually-hidden')"
            " && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 99))"
        )

    assert wider() == []
    page.click("#ui-legend-open")
    assert page.is_visible("#ui-groups")
    assert wider() == []
    page.click("#ui-legend-open")
    _choose(page, "x" * 255)
    _shows(page, "x" * 255)
    assert wider() == []
    assert page.locator("#ui-card").bounding_box()["y"] > 300, "the map stays in view above the card"


def test_hostile_titles_are_text(page: Any) -> None:
    for number, title in enumerate(HOSTILE):
        shown = re.sub(r"[\t\u2028\u2029]", " ", title)
        page.evaluate("number => { location.hash = '#' + encodeURIComponent(number) }", shown)
        _shows(page, shown)
        assert page.locator("#ui-card .near .link >> nth=0").text_content() == shown, number
        assert page.get_attribute("#ui-card .action", "href").startswith("https://en.wikipedia.org/wiki/")
        page.fill("#ui-search", shown[:40])
        page.wait_for_selector("#ui-results:visible")
        page.press("#ui-search", "Escape")
    assert page.locator("img, svg, iframe").count() == 0
    assert page.locator("script").count() == 2  # deck.gl and the page's own; the data blocks are gone once read


def test_a_page_without_webgl_still_searches(chromium: Any, address: str) -> None:
    page = chromium.new_page()
    page.add_init_script(NO_WEBGL)
    page.goto(address)
    page.wait_for_selector("html[data-ready=all]")
    assert "no WebGL 2" in page.inner_text("#ui-no-map")
    _choose(page, "war and peace")
    _shows(page, "War and Peace")
    assert _near(page) == ["Anna Karenina", "The Idiot", "Les Misérables"]
    page.close()


def test_a_page_with_next_to_nothing_in_it_works(chromium: Any, tmp_path: Path) -> None:
    write_mapped(tmp_path / "warehouse", [Book("Only one")])
    out = tmp_path / "page.html"
    cli.main((), ["explore", "--warehouse", str(tmp_path / "warehouse"), "--out", str(out), "--no-open"])
    page = chromium.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    _open(page, out.as_uri())
    _choose(page, "only")
    _shows(page, "Only one")
    assert "None of its neighbours is on this page" in page.inner_text("#ui-card")
    assert _groups(page) == {"Not known": "1"}
    assert errors == []
    page.close()
