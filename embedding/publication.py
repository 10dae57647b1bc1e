"""Which snapshots readers see: one small file a snapshot, `_published/wiki=<dbname>/<YYYYMMDD>.json`.

It says what became of the snapshot (published, refused by a gate, withdrawn by a rollback), which tables that was about, and what every
gate measured. It is written whole or not at all. The `..._latest` views show, of each wiki, the newest snapshot that is published. A
table of a snapshot is replaced only after this file has been taken away, so who finds the same files before and after looking at the
tables has seen tables that belong together.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from embedding.errors import WarehouseError, write_error
from embedding.manifest import Snapshot, now
from embedding.remote.mirror import Mirror

State = Literal["published", "refused", "withdrawn"]
Seen = TypeVar("Seen")
_LOOKS = 100


@dataclass(frozen=True)
class Mark:
    """What became of a snapshot.

    Attributes:
        state: published, refused (a gate does not hold) or withdrawn (by a rollback).
        when: ISO time, UTC.
        tables: table: id of its manifest. When one of them is written anew, the mark is taken away.
        gates: what each gate measured, as `gates.Gate` holds it.
    """

    state: State
    when: str
    tables: dict[str, str] = field(default_factory=dict)
    gates: list[dict[str, Any]] = field(default_factory=list)


class Publication:
    """The folder `_published` of a warehouse; of one in an object store, what the local copy has of it."""

    def __init__(self, root: Path, mirror: Mirror | None = None) -> None:
        self._root, self._mirror = root, mirror
        self._name = mirror.address if mirror else str(root)

    def file(self, snapshot: Snapshot) -> Path:
        """Where the mark of a snapshot lies."""
        return self._root / "_published" / f"wiki={snapshot.wiki}" / f"{snapshot.date}.json"

    def mark(self, snapshot: Snapshot) -> Mark | None:
        """The mark of a snapshot, if it has one.

        Raises:
            WarehouseError: it is damaged.
        """
        file = self.file(snapshot)
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            when = content["when"] if "when" in content else content["published"]  # as it was called when a mark said nothing else
            return Mark(content.get("state", "published"), when, content["tables"], content.get("gates", []))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WarehouseError(f"{file}: is damaged ({error!r}); remove it, and run publish again") from None

    def marks(self) -> dict[Snapshot, Mark]:
        """The marks of all snapshots, oldest first."""
        files = self._root.glob("_published/wiki=*/*.json")
        snapshots = sorted(Snapshot(file.parent.name.removeprefix("wiki="), file.stem) for file in files)
        return {snapshot: mark for snapshot in snapshots if (mark := self.mark(snapshot))}

    def published(self, wiki: str | None = None) -> list[Snapshot]:
        """Every published snapshot, of a wiki or of all, oldest first."""
        return [one for one, mark in self.marks().items() if mark.state == "published" and wiki in (None, one.wiki)]

    def latest(self) -> list[Snapshot]:
        """The snapshot in view of every wiki: the newest that is published."""
        return sorted({snapshot.wiki: snapshot for snapshot in self.published()}.values())

    def before(self, snapshot: Snapshot) -> Snapshot | None:
        """The snapshot before: the newest published one of the same wiki that is older."""
        return max((other for other in self.published(snapshot.wiki) if other < snapshot), default=None)

    def publish(self, snapshot: Snapshot, tables: Mapping[str, str], gates: Sequence[Mapping[str, Any]] = ()) -> None:
        """Let a snapshot be seen.

        Args:
            snapshot: which.
            tables: table that it is made of: id of its manifest.
            gates: what each gate measured.
        """
        self._set(snapshot, Mark("published", now(), dict(tables), list(map(dict, gates))))

    def refuse(self, snapshot: Snapshot, tables: Mapping[str, str], gates: Sequence[Mapping[str, Any]]) -> None:
        """Keep what the gates of a snapshot measured that misses one; it stays in view if it is."""
        mark = self.mark(snapshot)
        if mark is None or mark.state != "published":
            self._set(snapshot, Mark("refused", now(), dict(tables), list(map(dict, gates))))

    def withdraw(self, snapshot: Snapshot) -> None:
        """Take a snapshot out of view; its tables stay."""
        if mark := self.mark(snapshot):
            self._set(snapshot, replace(mark, state="withdrawn", when=now()))

    def _set(self, snapshot: Snapshot, mark: Mark) -> None:
        file = self.file(snapshot)
        text = json.dumps(asdict(mark), indent=1, ensure_ascii=False)
        if self._mirror:
            self._mirror.write_text(snapshot, file, text)
            return
        partial = file.with_suffix(".partial")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(text, encoding="utf-8")
            partial.replace(file)
        except OSError as error:
            raise write_error(self._name, "publish", error) from error

    def at_one_moment(self, look: Callable[[], Seen]) -> Seen:
        """What `look` sees of the tables in view while none of them is replaced and none is published or withdrawn.

        Raises:
            WarehouseError: they changed again and again.
        """
        for _ in range(_LOOKS):
            before = self.marks()
            seen = look()
            if self.marks() == before:
                return seen
        raise WarehouseError(f"{self._name}: snapshots are published and withdrawn without a pause; try again later")
