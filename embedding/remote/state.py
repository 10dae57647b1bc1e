"""What a snapshot in an object store consists of: an object that names its files and holds its small texts. Pure: plans, and no store.

A store has neither renames nor locks, but an object appears whole, and a store creates one only if none of that name is there. So the
states of a snapshot are numbered objects, `_snapshots/wiki=<dbname>/snapshot=<YYYYMMDD>/<number>.json`, and the highest number counts.
A state names the objects of every table and holds the manifests and the publication mark, so all that a step has written appears with
the one object after it, or not at all; of two writers who would make the same number one fails. Objects are written once, under names
that hold the id of the run, and what no state names was never part of any table.
"""

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath

from embedding.errors import WarehouseError
from embedding.manifest import Snapshot
from embedding.tables import FOLDERS, TABLES

STATES, LOCKS, CHECKPOINTS, SAMPLE = "_snapshots", "_locks", "_checkpoints", "_sample"
_PLACES = {*TABLES, *FOLDERS, "_published"}
_STATE = re.compile(rf"{STATES}/wiki=([^/]+)/snapshot=([^/]+)/([0-9]+)\.json")


@dataclass(frozen=True)
class Stored:
    """Where a file is in the store, and how many bytes it has."""

    key: str
    bytes: int


@dataclass(frozen=True)
class State:
    """A snapshot at one moment.

    Attributes:
        number: of the state; 0: nothing was ever written.
        id: by which its writer knows it again.
        files: path in the warehouse: where that is in the store.
        texts: path in the warehouse: content, of manifests and the publication mark.
    """

    number: int = 0
    id: str = ""
    files: Mapping[str, Stored] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """As it stands in the store."""
        return json.dumps(asdict(self), ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, content: bytes, name: str) -> "State":
        """Read what `to_json` wrote.

        Raises:
            WarehouseError: it is damaged; `name` is named.
        """
        try:
            made = json.loads(content)
            files = {path: Stored(str(one["key"]), int(one["bytes"])) for path, one in made["files"].items()}
            texts = {path: str(text) for path, text in made["texts"].items()}
            if strange := [path for path in (*files, *texts) if not _is_inside(path)]:
                raise ValueError(f"{strange[0]!r} is no path of a table")
            return cls(int(made["number"]), str(made["id"]), files, texts)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WarehouseError(f"{name}: is damaged ({error!r}); remove it: the one before it counts then") from None

    def manifests(self) -> dict[str, str]:
        """The texts that say what the tables are: all but the publication mark."""
        return {path: text for path, text in self.texts.items() if not path.startswith("_published/")}

    def after(self, folders: Iterable[str], files: Mapping[str, Stored], texts: Mapping[str, str], away: Iterable[str] = ()) -> "State":
        """The state that comes next: these folders hold these files and texts and nothing else, and the texts `away` are gone."""
        replaced, gone = [f"{folder}/" for folder in folders], set(away)

        def stays(path: str) -> bool:
            return path not in gone and not any(path.startswith(folder) for folder in replaced)

        return State(
            self.number + 1,
            uuid.uuid4().hex,
            {path: one for path, one in self.files.items() if stays(path)} | dict(files),
            {path: text for path, text in self.texts.items() if stays(path)} | dict(texts),
        )


def state_key(snapshot: Snapshot, number: int) -> str:
    """The object of a state."""
    return f"{states_prefix(snapshot)}/{number:08}.json"


def states_prefix(snapshot: Snapshot) -> str:
    """The folder of a snapshot's states."""
    return f"{STATES}/wiki={snapshot.wiki}/snapshot={snapshot.date}"


def newest(keys: Iterable[str]) -> dict[Snapshot, int]:
    """The number that counts of every snapshot; keys that are no states are passed over."""
    numbers: dict[Snapshot, int] = {}
    for match in filter(None, map(_STATE.fullmatch, keys)):
        snapshot = Snapshot(match[1], match[2])
        numbers[snapshot] = max(numbers.get(snapshot, 0), int(match[3]))
    return numbers


def key_of(path: str, run: str) -> str:
    """The object for a file of a table: under its own name if that holds the id of the run, else with the id put in."""
    place = PurePosixPath(path)
    return path if run in place.name else str(place.with_name(f"{place.stem}-{run}{place.suffix}"))


def missing(state: State, below: Iterable[str], there: Mapping[str, int]) -> dict[str, Stored]:
    """The files of a state in some folders that the local copy does not have, or not in their whole length (`there`: path: bytes)."""
    folders = tuple(f"{folder}/" for folder in below)
    return {path: one for path, one in state.files.items() if path.startswith(folders) and there.get(path) != one.bytes}


def unnamed(keys: Iterable[str], states: Iterable[State]) -> list[str]:
    """The objects of tables that no state names: what killed or failed runs have left, or runs that are at work have just written."""
    named = {one.key for state in states for one in state.files.values()}
    roots = tuple(f"{table}/" for table in (*TABLES, *FOLDERS))
    return sorted(key for key in keys if key.startswith(roots) and key not in named)


def _is_inside(path: str) -> bool:
    """Can it be a path of a table, a folder or a mark? A state is data, and must not lead anywhere else in the local copy, or out of it."""
    parts = path.split("/")
    return len(parts) > 1 and parts[0] in _PLACES and not {"", ".", ".."} & set(parts) and "\0" not in path
