import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding.errors import WarehouseError
from embedding.manifest import Snapshot
from embedding.remote.state import State, Stored, key_of, missing, newest, state_key, unnamed

SNAPSHOT = Snapshot("testwiki", "20240101")
RUN = "0123456789abcdef0123456789abcdef"
FOLDERS = [f"{table}/wiki=testwiki/snapshot=20240101" for table in ("books", "links", "model", "metrics")]
_names = st.sampled_from(["part-00000.parquet", f"part-00000-{RUN}.parquet", "model.pt", "index.ann", "no suffix", "a.b.c"])
_paths = st.builds("{}/{}".format, st.sampled_from(FOLDERS), _names)
_stored = st.builds(Stored, st.text("abc/", min_size=1), st.integers(0, 9))
_texts = st.sampled_from([*(f"{folder}/_manifest.json" for folder in FOLDERS), "_published/wiki=testwiki/20240101.json"])
_states = st.builds(
    State, st.integers(0, 99), st.text("0123456789abcdef"), st.dictionaries(_paths, _stored), st.dictionaries(_texts, st.text())
)


@given(_states)
def test_a_state_is_read_as_it_was_written(state: State) -> None:
    assert State.from_json(state.to_json(), "x") == state


@given(_states, st.sets(st.sampled_from(FOLDERS)), st.dictionaries(_paths, _stored), st.dictionaries(_paths, st.text()))
def test_what_comes_after_replaces_its_folders_whole_and_touches_no_other(
    before: State, folders: set[str], files: dict[str, Stored], texts: dict[str, str]
) -> None:
    files = {path: one for path, one in files.items() if path.rpartition("/")[0] in folders}
    texts = {path: one for path, one in texts.items() if path.rpartition("/")[0] in folders}
    after = before.after(folders, files, texts)
    assert after.number == before.number + 1
    assert after.id != before.id
    for old, new, written in ((before.files, after.files, files), (before.texts, after.texts, texts)):
        assert {path: one for path, one in new.items() if path.rpartition("/")[0] in folders} == written
        assert {path: one for path, one in new.items() if path.rpartition("/")[0] not in folders} == {
            path: one for path, one in old.items() if path.rpartition("/")[0] not in folders
        }


def test_a_folder_is_not_taken_for_another_that_begins_alike() -> None:
    files = {f"links/wiki=a/snapshot=20240101{more}/f": Stored("k", 1) for more in ("", "0")}
    left = State(1, "", files).after(["links/wiki=a/snapshot=20240101"], {}, {}).files
    assert list(left) == ["links/wiki=a/snapshot=202401010/f"]


@given(_names, _names, st.sampled_from(FOLDERS))
def test_two_runs_never_write_the_same_object(one: str, other: str, folder: str) -> None:
    mine, theirs = key_of(f"{folder}/{one}", RUN), key_of(f"{folder}/{other}", "f" * 32)
    assert RUN in mine.rpartition("/")[2]
    assert RUN in other or mine != theirs
    assert mine.startswith(f"{folder}/")


@given(_states, st.sets(st.sampled_from(FOLDERS)), st.dictionaries(_paths, st.integers(0, 9)))
def test_what_is_fetched_is_exactly_what_is_not_there_whole(state: State, folders: set[str], there: dict[str, int]) -> None:
    wanted = missing(state, folders, there)
    for path, one in state.files.items():
        assert (path in wanted) == (path.rpartition("/")[0] in folders and there.get(path) != one.bytes)


@given(_states, st.lists(st.text("abc/")))
def test_objects_that_a_state_names_are_never_left_over(state: State, keys: list[str]) -> None:
    named = {one.key for one in state.files.values()}
    assert not named & set(unnamed([*keys, *named, "books/x"], [state]))
    assert "books/x" in unnamed(["books/x", "_snapshots/x", "_locks/x", "_checkpoints/x", "strange/x"], [state])
    assert len(unnamed(["books/x", "_snapshots/x", "_locks/x", "_checkpoints/x", "strange/x"], [state])) == 1


def test_the_highest_number_counts() -> None:
    keys = [state_key(SNAPSHOT, number) for number in (9, 10, 100_000_000, 2)]
    assert newest([*keys, "_snapshots/x", "_snapshots/wiki=a/snapshot=b/c.json"]) == {SNAPSHOT: 100_000_000}


@pytest.mark.parametrize(
    "path", ["../x", "/etc/x", "links/../../x", "", "links", "links//x", "links/\0", "_staging/a/commit.json", "_mirror/lock"]
)
def test_a_state_leads_nowhere_but_into_the_warehouse(path: str) -> None:
    for part in ({"files": {path: {"key": "k", "bytes": 1}}, "texts": {}}, {"files": {}, "texts": {path: "x"}}):
        with pytest.raises(WarehouseError, match=r"s3://b/1\.json: is damaged .*remove it"):
            State.from_json(json.dumps({"number": 1, "id": "a", **part}).encode(), "s3://b/1.json")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"number": 1, "id": "a", "files": {"a": {"key": 1}}, "texts": {}}'])
def test_a_damaged_state_is_named(content: bytes) -> None:
    with pytest.raises(WarehouseError, match=r"s3://b/1\.json: is damaged"):
        State.from_json(content, "s3://b/1.json")
