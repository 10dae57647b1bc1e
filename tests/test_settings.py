"""The settings: layers, types and bounds, and errors that name file, key, value and what is allowed."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embedding.errors import SettingsError
from embedding.settings import Settings
from embedding.settings_files import conf_folder, load_settings, quoted

CONF = sorted(path.name for path in conf_folder().glob("*.yaml"))


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A settings file of the user's own, empty."""
    file = tmp_path / "mine.yaml"
    file.touch()
    return file


def _load(conf: Path, text: str, *overrides: str) -> Settings:
    conf.write_text(text, encoding="utf-8")
    return load_settings(["enwiki.yaml", conf], overrides)


def _message(conf: Path, text: str, *overrides: str) -> str:
    with pytest.raises(SettingsError) as caught:
        _load(conf, text, *overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", [name for name in CONF if name != "default.yaml"])
def test_every_settings_file_loads_on_top_of_the_defaults(name: str) -> None:
    settings = load_settings([name])
    assert settings.books.infoboxes
    if name not in ("koehrsen.yaml", "sample.yaml"):
        assert settings.wiki == name.removesuffix(".yaml")
    assert settings.publish == load_settings([], ["wiki=any"]).publish, "no file lowers the gates"


def test_the_defaults_alone_lack_only_the_wiki() -> None:
    with pytest.raises(SettingsError, match=r"default\.yaml: wiki is not set; give --conf conf/<wiki>\.yaml or --set wiki="):
        load_settings()
    assert load_settings([], ["wiki=any"]).train.learning_rate == 0.1


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("train: {epoch: 3}", ["train.epoch: unknown key", "did you mean train.epochs?", "allowed here: adam, align, batch_positives"]),
        ("trian: {epochs: 3}", ["trian: unknown key", "did you mean train?", "books, catalog, download, dump, evaluate"]),
        ("zzz: 3", ["zzz: unknown key; allowed here: books"]),
        ("train: {epochs: three}", ["train.epochs = 'three'", "valid integer"]),
        ("train: {epochs: true}", ["train.epochs = True", "valid integer"]),
        ("train: {epochs: 3.0}", ["train.epochs = 3.0", "valid integer"]),
        ("train: {learning_rate: true}", ["train.learning_rate = True", "valid number"]),
        ("books: {max_seconds: .inf}", ["books.max_seconds = inf", "finite number"]),
        ("train: {learning_rate: .nan}", ["train.learning_rate = nan", "not allowed"]),
        ("train: {resume: 1}", ["train.resume = 1", "valid boolean"]),
        ("train: {epochs: 0}", ["train.epochs = 0", "greater than or equal to 1"]),
        ("train: {dimensions: 5000}", ["train.dimensions = 5000", "less than or equal to 4096"]),
        ("train: {loss: hinge}", ["train.loss = 'hinge'", "'bce' or 'mse'"]),
        ("train: 3", ["train = 3", "not allowed"]),
        ("pairs: {valid: 1}", ["pairs.valid = 1", "less than 1"]),
        ("pairs: {stop_links: Hardcover}", ["pairs.stop_links = 'Hardcover'", "valid list"]),
        ("books: {infoboxes: [Infobox book, 7]}", ["books.infoboxes.1 = 7", "valid string"]),
        ("books: {namespace_aliases: {six: [Bild]}}", ["books.namespace_aliases.six", "valid integer"]),
        ("books: {fields: {autor: [author]}}", ["books.fields.autor: unknown key", "did you mean books.fields.author?"]),
        ("wiki: no", ["wiki = False", "valid string"]),
        ("wiki: EN wiki", ["wiki = 'EN wiki'", "pattern"]),
        ("snapshot: yesterday", ["snapshot = 'yesterday'", "pattern"]),
        ("seed: -1", ["seed = -1", "greater than or equal to 0"]),
        ("spark: {driver_memory: 4 GB}", ["spark.driver_memory = '4 GB'", "pattern"]),
        ("dump: ''", ["dump = ''", "at least 1 character"]),
        ("download: {connections: 4}", ["download.connections = 4", "less than or equal to 3"]),
        ("download: {mirror: dumps.wikimedia.org}", ["download.mirror = 'dumps.wikimedia.org'", "pattern"]),
        ("download: {contact: a (b)}", ["download.contact = 'a (b)'", "pattern"]),
        ("wiki:", ["wiki is not set"]),
    ],
)
def test_an_error_names_file_key_value_and_what_is_allowed(conf: Path, text: str, parts: list[str]) -> None:
    message = _message(conf, text)
    assert message.startswith(f"{conf}: "), message
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("train:\n  epochs: 3\n  epochs: 4\n", "line 3 is not valid YAML: key 'epochs' is given twice"),
        ("a: 1\nb: ]\nc: 2\n", "line 2 is not valid YAML"),
        ("wiki: !!python/object/apply:os.getcwd []\n", "line 1 is not valid YAML"),
        ("warehouse: {{ folder }}\n", "line 1 is not valid YAML: a key must be a word"),
        ("wiki: a\n---\nwiki: b\n", "is not valid YAML: but found another document"),
        ("- wiki\n", "must hold `key: value` lines, not list"),
        ("enwiki\n", "must hold `key: value` lines, not str"),
    ],
)
def test_broken_yaml_is_refused_with_file_and_line(conf: Path, text: str, why: str) -> None:
    message = _message(conf, text)
    assert message.startswith(f"{conf}: ")
    assert why in message


def test_a_file_that_is_not_utf8_is_refused(conf: Path) -> None:
    conf.write_bytes("books: {infoboxes: [Infobox café]}".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"mine\.yaml: is not UTF-8 at byte 31"):
        load_settings(["enwiki.yaml", conf])


def test_a_missing_file_is_answered_with_the_known_ones() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(["dewik.yaml"])
    assert "dewik.yaml: no such settings file; did you mean dewiki.yaml?" in str(caught.value)
    assert ", ".join(CONF) in str(caught.value)


def test_a_path_to_nowhere_is_no_known_file_by_its_name_alone(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such settings file"):
        load_settings([tmp_path / "enwiki.yaml"])


def test_a_known_file_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(["conf/dewiki.yaml"]) == load_settings(["dewiki.yaml"])


def test_numbers_with_exponents_are_numbers(conf: Path) -> None:
    for text in ("1e-3", "1E-3", "1.0e-3", "+1e-3", "0.001"):
        assert _load(conf, f"train: {{learning_rate: {text}}}").train.learning_rate == 0.001
    assert _load(conf, "train: {learning_rate: 1}").train.learning_rate == 1.0


def test_a_snapshot_may_be_written_as_a_number(conf: Path) -> None:
    assert _load(conf, "snapshot: 20240101").snapshot == _load(conf, "snapshot: '20240101'").snapshot == "20240101"


@pytest.mark.parametrize("text", ["", "# nothing\n", "train:\n", "train: {}\n", "train:\nbooks:\n"])
def test_an_empty_section_changes_nothing(conf: Path, text: str) -> None:
    assert _load(conf, text) == load_settings(["enwiki.yaml"])
    assert load_settings(["enwiki.yaml"], ["train="]) == load_settings(["enwiki.yaml"])


def test_a_section_is_merged_and_a_list_is_replaced(conf: Path) -> None:
    before, after = load_settings(["enwiki.yaml"]), _load(conf, "pairs: {stop_links: [Codex]}\nbooks: {fields: {genre: [sort]}}")
    assert after.pairs.stop_links == ["Codex"]
    assert after.pairs.min_books == before.pairs.min_books
    assert after.books.fields == before.books.fields.model_copy(update={"genre": ["sort"]})


def test_yaml_anchors_may_be_merged(conf: Path) -> None:
    settings = _load(conf, "publish: &gate {min_recall: 0.5}\nneighbours: {<<: *gate, k: 3}\n")
    assert (settings.publish.min_recall, settings.neighbours.min_recall, settings.neighbours.k) == (0.5, 0.5, 3)
    settings = _load(conf, "publish: &gate {min_recall: 0.5}\nneighbours:\n  <<: *gate\n  min_recall: 0.7\n")
    assert (settings.publish.min_recall, settings.neighbours.min_recall) == (0.5, 0.7)


def test_layers_override_in_their_order(conf: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("train: {epochs: 22, dimensions: 22}\n")
    conf.write_text("train: {epochs: 11, dimensions: 11, scale: 11}\n")
    train = load_settings(["enwiki.yaml", conf, other], ["train.epochs=33", "train.epochs=44"]).train
    assert (train.epochs, train.dimensions, train.scale, train.batch_positives) == (44, 22, 11, 8192)
    assert load_settings(["enwiki.yaml", other, conf]).train.epochs == 11


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("train.epochs=3", "train.epochs", 3),
        ("train.learning_rate=1e-2", "train.learning_rate", 0.01),
        ("train.resume=false", "train.resume", False),
        ("dump=null", "dump", None),
        ("dump=/data/a=b.xml.bz2", "dump", "/data/a=b.xml.bz2"),
        ("warehouse=/a folder/of mine", "warehouse", "/a folder/of mine"),
        ("warehouse='12'", "warehouse", "12"),
        ("spark.master=local[2]", "spark.master", "local[2]"),
        ("books.infoboxes=[A, 'B, C']", "books.infoboxes", ["A", "B, C"]),
        ("spark.conf={spark.local.dir: /x}", "spark.conf", {"spark.local.dir": "/x"}),
        ("train={epochs: 3}", "train.epochs", 3),
        ("books.namespace_aliases={6: [Bild]}", "books.namespace_aliases", {4: ["WP"], 5: ["WT"], 6: ["Bild"]}),
    ],
)
def test_set_takes_every_kind_of_value(override: str, key: str, value: object) -> None:
    found: object = load_settings(["enwiki.yaml"], [override])
    for part in key.split("."):
        found = getattr(found, part)
    assert found == value


@pytest.mark.parametrize("override", ["train.epochs", "=3", "train epochs=3", "train..epochs=3", ""])
def test_set_in_another_form_is_refused_with_an_example(override: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(["enwiki.yaml"], [override])
    assert str(caught.value) == f"--set {override}: write it as key=value, for example --set train.epochs=3"


def test_set_takes_one_value_alone() -> None:
    with pytest.raises(SettingsError, match=r"--set: train\.epochs = '3, train\.loss=mse' is not allowed"):
        load_settings(["enwiki.yaml"], ["train.epochs=3, train.loss=mse"])
    with pytest.raises(SettingsError, match=r"--set warehouse=\[a: line 1 is not valid YAML"):
        load_settings(["enwiki.yaml"], ["warehouse=[a"])


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufeff\ufffe\uffff")))
@example("it's 'mine'")
@example("")
def test_a_quoted_value_stays_what_it_is(text: str) -> None:
    assert load_settings([], ["wiki=any", f"warehouse={quoted(text)}"]).warehouse == text


def test_the_layer_that_is_wrong_is_named(conf: Path) -> None:
    assert _message(conf, "train: {epochs: 3}", "train.epochs=0").startswith("--set: train.epochs = 0")
    assert _message(conf, "train: {epochs: 0}", "train.loss=mse").startswith(f"{conf}: train.epochs = 0")
    assert _load(conf, "train: {epochs: 0}", "train.epochs=1").train.epochs == 1, "what is overridden does not matter"


def test_keys_that_do_not_go_together_name_the_layers_that_set_them(conf: Path) -> None:
    why = "pairs: valid + test must be less than 0.9, or too little is left to train on"
    assert _message(conf, "pairs: {valid: 0.5, test: 0.4}") == f"{conf}: {why}"
    assert _message(conf, "pairs: {valid: 0.5}", "pairs.test=0.4") == f"{conf} and --set: {why}"
    assert _load(conf, "pairs: {valid: 0.5, test: 0.3}").pairs.test == 0.3


def test_settings_cannot_be_changed_behind_the_back_of_a_manifest() -> None:
    settings = load_settings(["enwiki.yaml"])
    with pytest.raises(ValueError, match="frozen"):
        settings.train.epochs = 3  # type: ignore[misc]
