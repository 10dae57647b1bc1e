"""The schema of conf/*.yaml: types, bounds, help; every error names file, key, value and what is allowed.

Settings come in layers, each overriding the one before: conf/default.yaml, the files given with --conf in their order, --set.
"""

import difflib
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from embedding.errors import SettingsError

Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A part of the settings: unknown keys and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SparkSettings(Section):
    """How a Spark session is started when spark-submit has not started one."""

    master: str
    driver_memory: Annotated[str, Field(pattern=r"^[1-9][0-9]*[mg]$")]
    shuffle_partitions: Count
    log_level: Literal["OFF", "ERROR", "WARN", "INFO", "DEBUG"]
    conf: dict[str, str]

    @field_validator("log_level", mode="before")
    @classmethod
    def _off_is_a_word(cls, value: object) -> object:
        return "OFF" if value is False else value  # YAML reads a bare OFF as false


class ReadSettings(Section):
    """read_dump."""

    partition_mb: Annotated[float, Field(gt=0)]


class BookColumns(Section):
    """Infobox fields that fill each column of a book, in order of preference."""

    author: list[str]
    genre: list[str]
    country: list[str]
    language: list[str]
    publisher: list[str]
    series: list[str]
    year: list[str]
    isbn: list[str]


class BooksSettings(Section):
    """extract_books."""

    infoboxes: list[str]
    fields: BookColumns
    namespace_aliases: dict[int, list[str]]
    max_wikitext_bytes: Count
    max_seconds: Annotated[float, Field(gt=0)]
    max_megabytes: Count


class PairsSettings(Section):
    """build_pairs."""

    min_books: Count
    stop_links: list[str]
    max_redirects: Annotated[int, Field(ge=1, le=10)]
    valid: Fraction
    test: Fraction

    @model_validator(mode="after")
    def _leave_something_to_train_on(self) -> "PairsSettings":
        if self.valid + self.test >= 0.9:
            raise ValueError("valid + test must be less than 0.9, or too little is left to train on")
        return self


class NegativesSettings(Section):
    """sample_negatives."""

    per_positive: Count
    draws: Count
    links: Literal["uniform", "frequency"]
    power: Annotated[float, Field(ge=0, le=2)]
    books: Literal["positive", "uniform"]


class TrainSettings(Section):
    """train_embedding."""

    dimensions: Annotated[int, Field(ge=2, le=4096)]
    loss: Literal["bce", "mse"]
    epochs: Count
    min_steps: Count
    batch_positives: Count
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    init_range: Annotated[float, Field(gt=0, le=10)]
    scale: Annotated[float, Field(gt=0, le=100)]
    device: Literal["auto", "cpu", "cuda"]
    resume: bool


class EvaluateSettings(Section):
    """evaluate."""

    max_pairs: Count
    hits_at: Count


class NeighboursSettings(Section):
    """find_neighbours."""

    k: Count
    method: Literal["auto", "annoy", "exact"]
    trees: Count
    search_k: Count
    min_recall: Annotated[float, Field(ge=0, le=1)]
    recall_queries: Count
    shared_links: Annotated[int, Field(ge=0)]


class PublishSettings(Section):
    """publish: a snapshot that misses one of these gates stays out of view."""

    min_books: Count
    min_auc: Annotated[float, Field(ge=0, le=1)]
    min_recall: Annotated[float, Field(ge=0, le=1)]


class Settings(Section):
    """Every setting. conf/default.yaml says what each one means."""

    warehouse: str
    wiki: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    dump: str | None
    snapshot: Annotated[str, Field(pattern=r"^[0-9]{8}$")] | None
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    spark: SparkSettings
    read: ReadSettings
    books: BooksSettings
    pairs: PairsSettings
    negatives: NegativesSettings
    train: TrainSettings
    evaluate: EvaluateSettings
    neighbours: NeighboursSettings
    publish: PublishSettings

    @field_validator("snapshot", mode="before")
    @classmethod
    def _date_written_as_number(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("snapshot")
    @classmethod
    def _day_that_exists(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                datetime.strptime(value, "%Y%m%d")
            except ValueError:
                raise ValueError("should be a day, YYYYMMDD") from None
        return value


class _Loader(yaml.SafeLoader):
    """YAML 1.1 with two traps closed: 1e-3 is a number, and a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node)
            if not isinstance(key, Hashable):
                why = "a key must be a word; quote a value that begins with a brace"
                raise yaml.constructor.ConstructorError(None, None, why, key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789"))


def conf_folder() -> Path:
    """The folder of the settings files: inside the installed package, or at the top of a source tree."""
    inside = Path(__file__).parent / "conf"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "conf"


def load_settings(files: Sequence[str | Path] = (), overrides: Sequence[str] = ()) -> Settings:
    """Read conf/default.yaml, then `files`, then `overrides` (each "key.subkey=value"), and check the whole.

    Raises:
        SettingsError: one line that names file, key, value and what is allowed.
    """
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for file in [conf_folder() / "default.yaml", *map(_find, files)]:
        _merge(merged, _parse(_text_of(file), str(file)), str(file), origins)
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or not re.fullmatch(r"[a-z_]+(\.[\w-]+)*", key):
            raise SettingsError(f"--set {override}: write it as key=value, for example --set train.epochs=3")
        layer: Any = _parse(f"_: {value}", f"--set {override}")["_"]
        for part in reversed(key.split(".")):
            layer = {part: layer}
        _merge(merged, layer, "--set", origins)
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise SettingsError(_explain(error.errors()[0], origins)) from None


def quoted(value: str) -> str:
    """A text as a YAML value that stays a text."""
    return "'" + value.replace("'", "''") + "'"


def _find(file: str | Path) -> Path:
    path = Path(file)
    if path.is_file():
        return path
    known = sorted(p.name for p in conf_folder().glob("*.yaml"))
    if path.name in known and not path.is_absolute():
        return conf_folder() / path.name
    near = difflib.get_close_matches(path.name, known, 1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise SettingsError(
        f"{file}: no such settings file; {hint}there are {', '.join(known)}; "
        "for another wiki write one with its `wiki` and `books.infoboxes`"
    )


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: is not UTF-8 at byte {error.start}; save it as UTF-8") from None


def _parse(text: str, origin: str) -> dict[str, Any]:
    try:
        content = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        raise SettingsError(f"{origin}:{where} is not valid YAML: {getattr(error, 'problem', error)}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(f"{origin}: must hold `key: value` lines, not {type(content).__name__}")
    return content


def _merge(into: dict[str, Any], layer: Mapping[Any, Any], origin: str, origins: dict[str, str], prefix: str = "") -> None:
    for key, value in layer.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value, origin, origins, f"{path}.")
        elif not (value is None and isinstance(into.get(key), dict)):  # an empty section changes nothing
            into[key] = value
            origins[path] = origin


def _explain(error: ErrorDetails, origins: Mapping[str, str]) -> str:
    parts = [str(part) for part in error["loc"]]
    key = ".".join(parts)
    origin = next((origins[p] for p in _prefixes(parts) if p in origins), "conf/default.yaml")
    if error["type"] == "extra_forbidden":
        allowed = _keys_of(parts[:-1])
        near = difflib.get_close_matches(parts[-1], allowed, 1)
        hint = f"did you mean {'.'.join([*parts[:-1], near[0]])}? " if near else ""
        return f"{origin}: {key}: unknown key; {hint}allowed here: {', '.join(allowed)}"
    if error["type"] == "missing" or (error["input"] is None and key == "wiki"):
        return f"{origin}: {key} is not set; give --conf conf/<wiki>.yaml or --set {key}=..."
    why = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if error["type"] == "value_error":  # several keys that do not go together: name every layer that sets any of them
        layers = dict.fromkeys(layer for path, layer in origins.items() if path.startswith(f"{key}."))
        return f"{' and '.join(layers) or origin}: {key}: {why}"
    return f"{origin}: {key} = {error['input']!r} is not allowed: {why}"


def _prefixes(parts: Sequence[str]) -> Iterator[str]:
    for length in range(len(parts), 0, -1):
        yield ".".join(parts[:length])


def _keys_of(parts: Sequence[str]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in parts:
        field = model.model_fields.get(part)
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            break
        model = field.annotation
    return sorted(model.model_fields)
