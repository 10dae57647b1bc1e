"""What a training takes over from the snapshot before."""

import numpy as np
import pytest

from embedding.train.before import continued, known, split_of, start_values


def test_start_values_follow_page_ids_and_titles() -> None:
    books, links = np.array([[1, 2], [3, 4]], np.float32), np.array([[5, 6], [7, 8], [9, 10]], np.float32)
    bias = np.array([0.1, 0.2, 0.3], np.float32)
    titles = np.array(["War", "Ünï", "Peace"], object)
    found = start_values(
        (np.array([30, 10, 20]), np.array(["Peace", "new", "War"], object)), (np.array([10, 30]), titles), (books, links, bias)
    )
    np.testing.assert_array_equal(found[0], np.array([[3, 4], [1, 2], [np.nan, np.nan]], np.float32))
    np.testing.assert_array_equal(found[1], np.array([[9, 10], [np.nan, np.nan], [5, 6]], np.float32))
    np.testing.assert_array_equal(found[2], np.array([0.3, np.nan, 0.1], np.float32))
    assert all(table.dtype == np.float32 for table in found)
    assert [known(table) for table in found[:2]] == pytest.approx([2 / 3, 2 / 3])


def test_no_rows_are_not_known() -> None:
    assert known(np.empty((0, 3), np.float32)) == 0


@pytest.mark.parametrize(("share", "wanted"), [(0.5, (10, 200)), (1.0, (20, 400)), (0.01, (1, 4))])
def test_a_continued_training_takes_a_share_of_the_epochs(share: float, wanted: tuple[int, int]) -> None:
    assert continued(20, 400, share) == {"epochs": wanted[0], "min_steps": wanted[1]}


def test_another_seed_or_other_shares_hold_other_pairs_out() -> None:
    kept = {"seed": 1, "pairs": {"min_books": 4, "valid": 0.05, "test": 0.05}}
    assert split_of(kept) == split_of(kept | {"pairs": {"min_books": 9, "valid": 0.05, "test": 0.05}})
    assert split_of(kept) != split_of(kept | {"seed": 2})
    assert split_of(kept) != split_of(kept | {"pairs": {"min_books": 4, "valid": 0.1, "test": 0.05}})
