import io
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import obstore
import obstore.exceptions
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding.errors import WarehouseError
from embedding.remote import objects as module
from embedding.remote.objects import ObjectFile, Objects


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(f"file://{tmp_path}/a bucket/books")


@pytest.mark.parametrize("address", ["hdfs://namenode/books", "http://host/books", "memory://books", "nothing://x"])
def test_a_store_that_is_not_known_is_refused_with_the_mend(address: str) -> None:
    with pytest.raises(WarehouseError, match=f"{address}: no object store that is known; give s3://, gs:// or abfs://"):
        Objects(address)


def test_objects_are_written_read_listed_and_removed(objects: Objects) -> None:
    names = ["a/wiki=x/é %2F.parquet", "a/wiki=x/deep/er", "ab/x"]
    for name in names:
        objects.write(name, name.encode())
    assert objects.read(names[0]) == names[0].encode()
    assert {key: found.bytes for key, found in objects.list("a").items()} == {name: len(name.encode()) for name in names[:2]}
    objects.delete([*names, "was never there"])
    assert objects.list() == {}
    with pytest.raises(FileNotFoundError):
        objects.read(names[0])


def test_only_one_creates_an_object(objects: Objects) -> None:
    assert objects.create("x", b"1")
    assert not objects.create("x", b"2")
    assert objects.read("x") == b"1"


def test_files_travel_both_ways(objects: Objects, tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(name.encode() * 100_000)
    objects.upload({f"in/{name}": tmp_path / name for name in "abc"})
    objects.download({f"in/{name}": tmp_path / "out" / name for name in "abc"})
    assert [(tmp_path / "out" / name).read_bytes() for name in "abc"] == [name.encode() * 100_000 for name in "abc"]
    with pytest.raises(FileNotFoundError):
        objects.download({"in/a": tmp_path / "more" / "a", "in/none": tmp_path / "more" / "none"})
    assert not [file for file in (tmp_path / "more").iterdir() if file.name.startswith(".")], "nothing half written"


def test_how_far_it_is_is_said(objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    (tmp_path / "a").write_bytes(b"1")
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", -1.0)
    objects.upload({f"k/{number}": tmp_path / "a" for number in range(3)})
    assert [line.split(" files")[0] for line in caplog.messages] == ["written: 1 of 3", "written: 2 of 3", "written: 3 of 3"]
    assert "files/s, 0 s left" in caplog.messages[-1]


def test_what_may_pass_is_tried_again(objects: Objects, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    fails = [obstore.exceptions.GenericError("connection reset"), ConnectionError("broke off after 1 of 2 bytes")]
    real = obstore.get

    def get(*given: Any) -> Any:
        if fails:
            raise fails.pop()
        return real(*given)

    objects.write("x", b"1")
    monkeypatch.setattr(obstore, "get", get)
    monkeypatch.setattr(module, "WAITS", (0.0, 0.0))
    assert objects.read("x") == b"1"
    assert caplog.text.count("trying again") == 2


@pytest.mark.parametrize(
    ("error", "said", "times"),
    [
        (obstore.exceptions.GenericError("status code: 503 Slow Down"), "does not do what it is asked", 3),
        (obstore.exceptions.PermissionDeniedError("status code: 403 Forbidden: <?xml ..."), "look at credentials and endpoint", 1),
        (FileNotFoundError("<Code>NoSuchBucket</Code>"), "make the bucket", 1),
    ],
)
def test_what_is_refused_is_told_in_one_line(
    objects: Objects, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str, times: int
) -> None:
    calls = []

    def put(*_: Any, **__: Any) -> None:
        calls.append(1)
        raise error

    monkeypatch.setattr(obstore, "put", put)
    monkeypatch.setattr(module, "WAITS", (0.0, 0.0))
    with pytest.raises(WarehouseError, match=f"a bucket/books/some/key: the store .*{said}") as raised:
        objects.write("some/key", b"")
    assert "\n" not in str(raised.value)
    assert "<?xml" not in str(raised.value)
    assert len(calls) == times


def test_it_travels_to_other_processes_without_its_connection(objects: Objects) -> None:
    objects.write("x", b"1")
    assert pickle.loads(pickle.dumps(objects)).read("x") == b"1"


@given(
    content=st.binary(max_size=50),
    asked=st.lists(st.tuples(st.sampled_from([io.SEEK_SET, io.SEEK_CUR, io.SEEK_END]), st.integers(0, 60), st.integers(-1, 60))),
)
def test_an_object_is_read_as_a_file_is(content: bytes, asked: list[tuple[int, int, int]]) -> None:
    with TemporaryDirectory() as folder:
        objects = Objects(f"file://{folder}")
        objects.write("x", content)
        file, right = ObjectFile(objects, "x", len(content)), io.BytesIO(content)
        for whence, place, size in asked:
            there = -min(place, len(content)) if whence == io.SEEK_END else place
            assert file.seek(there, whence) == right.seek(there, whence)
            assert file.read(size) == right.read(size)
            assert file.tell() == right.tell()
