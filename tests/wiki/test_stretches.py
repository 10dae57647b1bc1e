import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedding.wiki import stretches as finding
from embedding.wiki.stretches import BLOCK, STREAM_END, Stretch, find_magic, stretches
from tests.wiki.bz2_samples import SAMPLES
from tests.wiki.reading import find_bits


@st.composite
def planted(draw: st.DrawFn) -> bytes:
    """Random bits, with magic numbers and what almost is one among them."""
    bits = ""
    for _ in range(draw(st.integers(0, 6))):
        bits += draw(st.text("01", max_size=40))
        magic = format(draw(st.sampled_from([BLOCK, STREAM_END])), "048b")
        wrong, cut = draw(st.none() | st.integers(0, 47)), draw(st.just(48) | st.integers(0, 48))
        bits += (magic if wrong is None else magic[:wrong] + "01"[magic[wrong] == "0"] + magic[wrong + 1 :])[:cut]
    bits += "0" * (-len(bits) % 8)
    return int(f"1{bits}", 2).to_bytes(len(bits) // 8 + 1, "big")[1:]


@settings(max_examples=150)
@given(data=planted(), start=st.integers(0, 12), left_out=st.integers(0, 12), magic=st.sampled_from([BLOCK, STREAM_END]))
def test_find_magic_agrees_with_a_search_bit_by_bit(data: bytes, start: int, left_out: int, magic: int) -> None:
    end = max(0, len(data) - left_out)
    found = find_bits(data, magic)
    assert find_magic(data, magic) == found
    assert find_magic(data, magic, start, end) == [bit for bit in found if bit >= start * 8 and bit + 48 <= end * 8]


@pytest.mark.parametrize("magic", [BLOCK, STREAM_END])
@pytest.mark.parametrize("shift", range(8))
def test_find_magic_at_every_shift(shift: int, magic: int) -> None:
    for fill in (0, (1 << 80) - 1, 0x314159265359 << 30):
        number = fill << 128 | magic << (80 - shift) | fill >> shift
        data = number.to_bytes(32, "big")
        assert 128 + shift in find_magic(data, magic)
        assert find_magic(data, magic) == find_bits(data, magic)
    assert find_magic((magic << (8 - shift)).to_bytes(7, "big"), magic) == [shift]


@pytest.mark.parametrize("magic", [BLOCK, STREAM_END])
def test_find_magic_finds_what_stands_side_by_side(magic: int) -> None:
    bits = format(magic, "048b")
    data = int("1" + bits * 9 + "1" * 7, 2).to_bytes(55, "big")
    assert find_magic(data, magic) == [1 + 48 * number for number in range(9)]


@pytest.mark.parametrize(("piece", "longest"), [(1, 450), (7, 450), (64, 500), (1000, 450), (1 << 22, 1 << 21), (1 << 22, 450)])
@pytest.mark.parametrize("name", SAMPLES)
def test_every_block_is_found_whatever_is_read_at_a_time(name: str, piece: int, longest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data, found = SAMPLES[name].data, SAMPLES[name].blocks
    monkeypatch.setattr(finding, "PIECE", piece)
    monkeypatch.setattr(finding, "LONGEST_BLOCK", longest)
    for start in (0, 1, 4, 5, found[2] // 8, found[2] // 8 + 1, len(data) // 2, len(data) - 5, len(data)):
        own = [bit for bit in found if bit >= start * 8]
        ends = [*own[1:], len(data) * 8]
        expected = [Stretch(bit, end, data[bit // 8 : -(-end // 8)]) for bit, end in zip(own, ends, strict=True)] if own else []
        assert list(stretches(io.BytesIO(data), start)) == expected, f"from byte {start}"
