"""Nearest neighbours: the bits of the slow way, whatever the blocks, with ties, copies and data far from the origin."""

import numpy as np
import pytest

from scratchgan.metrics.neighbours import TABLE, block_rows, closest_pairs, nearest, tables, within

BLOCKS = [1, 3, 17, 1000, None]


def samples(kind):
    rng = np.random.default_rng(11)
    a, b = rng.standard_normal((41, 6)), rng.standard_normal((53, 6))
    if kind == "lattice":  # many ties
        a, b = a.round(), b.round()
    if kind == "thirds":  # ties that a matrix product breaks
        a, b = a.round() / 3, b.round() / 3
    if kind == "far":  # |a|^2 is 1e13 times the distances
        a, b = a + 1e6, b + 1e6
    if kind == "copies":
        a[5:20], b[3:30] = b[0], b[0]
    return a, b


def all_squares(a, b):
    return ((a[:, None] - b) ** 2).sum(axis=2)


each = pytest.mark.parametrize("kind", ["plain", "lattice", "thirds", "far", "copies"])


@each
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("k", [1, 4, 53])
def test_nearest(kind, block, k):
    a, b = samples(kind)
    table = all_squares(a, b)
    order = np.argsort(table, axis=1, kind="stable")[:, :k]
    squares, indices = nearest(a, b, k, block=block)
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_array_equal(squares, np.take_along_axis(table, order, 1))


@each
@pytest.mark.parametrize("block", BLOCKS)
def test_nearest_others(kind, block):
    a, _ = samples(kind)
    table = all_squares(a, a)
    np.fill_diagonal(table, np.inf)
    order = np.argsort(table, axis=1, kind="stable")[:, :3]
    squares, indices = nearest(a, a, 3, itself=True, block=block)
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_array_equal(squares, np.take_along_axis(table, order, 1))


@each
@pytest.mark.parametrize("block", BLOCKS)
def test_within(kind, block):
    """Radii that are distances which occur, so that points lie on surfaces."""
    a, b = samples(kind)
    table = all_squares(a, b)
    inside = table <= (radii := np.sort(table, axis=0)[4])
    of_points, of_balls = within(a, b, radii, block=block)
    np.testing.assert_array_equal(of_points, inside.sum(1))
    np.testing.assert_array_equal(of_balls, inside.sum(0))


@each
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("count", [1, 12, 10**4])
def test_closest_pairs(kind, block, count):
    a, _ = samples(kind)
    i, j = np.triu_indices(len(a), 1)
    square = all_squares(a, a)[i, j]
    order = np.lexsort((j, i, square))[:count]
    squares, pairs = closest_pairs(a, count, block=block)
    np.testing.assert_array_equal(pairs, np.stack([i, j], 1)[order])
    np.testing.assert_array_equal(squares, square[order])


@each
def test_the_error_is_as_documented(kind):
    """(Neighbours.2): a matrix product is off by at most the slack that the tables state."""
    a, b = samples(kind)
    for part, table, slack in tables(a, b, 7):
        assert np.all(np.abs(table - all_squares(a[part], b)) <= slack)


def test_blocks_bound_the_memory():
    """60,000 columns: tables of 69 rows, 32 MB."""
    assert block_rows(60_000) * 60_000 <= TABLE < (block_rows(60_000) + 1) * 60_000
    assert block_rows(TABLE * 2) == 1
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((3000, 4)), rng.standard_normal((5000, 4))
    assert max(table.size for _, table, _ in tables(a, b)) <= TABLE
