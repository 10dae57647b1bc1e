"""Reading conf/*.yaml: layers, each overriding the one before, and errors that name file, key, value and what is allowed.

The layers: conf/default.yaml, the files given with --conf in their order, --set.
"""

import difflib
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from embedding.errors import SettingsError
from embedding.settings import Settings


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
