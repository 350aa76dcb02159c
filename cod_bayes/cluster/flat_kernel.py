"""The flat-kernel shift, compiled: where every item climbs to. Import lazily: it imports Numba.

scikit-learn's ``MeanShift`` asks its k-d tree for the neighbours of one point at a time from
Python, dozens of times for every item; here the same tree is walked by compiled code, and a
position that an earlier climb has passed is not worked out again. Since neighbours are found and
summed in the order in which scikit-learn finds and sums them, modes and counts are its own to the
last bit.
"""

import math
from collections.abc import Callable
from typing import Any, cast

import numba
import numpy as np
import numpy.typing as npt
from sklearn.neighbors import KDTree

type Floats = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]

LEAF_SIZE = 30  # of scikit-learn's NearestNeighbors: it decides the order of summation
STOP_SHARE = 1e-3  # of the bandwidth: a shorter shift ends a climb
MAX_SHIFTS = 300  # that a climb may take, scikit-learn's default
TREE_DEPTH = 128  # more than a tree of int64 indices can have
MAX_POSITIONS = 2**20  # remembered: 100 MB at eight features
UNKNOWN = -1


def compile_cached[F: Callable[..., Any]](function: F) -> F:
    """Compile ``function`` with Numba, kept on disk where a folder can be written to.

    Numba looks for one beside the source, then in the user's cache folder; ``NUMBA_CACHE_DIR``
    overrides both. Where none is writable the code is compiled anew in every process (seconds).
    """
    try:
        return cast(F, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # "cannot cache function: no locator available"
        return cast(F, numba.njit(nogil=True)(function))


def climb(points: Floats, seeds: Floats, bandwidth: float) -> tuple[Floats, Ints]:
    """Shift every seed to the mean of the points around it until it rests.

    Parameters
    ----------
    points
        Shape (n, d), float64.
    seeds
        Shape (s, d): where the climbs begin.
    bandwidth
        Radius of the flat kernel, > 0; a shift of at most a thousandth of it ends a climb.

    Returns
    -------
    modes
        Shape (s, d): where each seed came to rest.
    counts
        Shape (s,): points within ``bandwidth`` of the last position but one; 0 if there were none.

    Notes
    -----
    Comaniciu and Meer (2002), "Mean shift: a robust approach toward feature space analysis", IEEE
    PAMI 24(5), with the stopping rule of ``sklearn.cluster.MeanShift``.
    """
    tree = KDTree(points, leaf_size=LEAF_SIZE)
    data, order, nodes, bounds = (np.asarray(array) for array in tree.get_arrays())
    modes = np.array(seeds, dtype=np.float64, order="C")
    counts = np.zeros(len(modes), dtype=np.int64)
    room = min(32 * len(modes), MAX_POSITIONS) + MAX_SHIFTS + 2
    _climb_all(
        modes,
        counts,
        np.ascontiguousarray(data[order]),
        np.ascontiguousarray(bounds),
        np.ascontiguousarray(nodes["idx_start"]),
        np.ascontiguousarray(nodes["idx_end"]),
        np.ascontiguousarray(nodes["is_leaf"]),
        float(bandwidth),
        np.empty((room, points.shape[1])),
        np.empty(1 << (2 * room).bit_length(), dtype=np.int64),
    )
    return modes, counts


@compile_cached
def _climb_all(
    modes: Floats,
    counts: Ints,
    points: Floats,
    bounds: Floats,
    first: Ints,
    last: Ints,
    is_leaf: Ints,
    bandwidth: float,
    positions: Floats,
    table: Ints,
) -> None:
    """Climb from every row of ``modes``, in place.

    A climb depends on its present position alone, so each position passed is numbered and keeps
    its successor; ``table`` finds a position's number. When they fill up, all are forgotten.
    """
    room = len(positions)
    within = np.empty(room, dtype=np.int64)
    successor = np.empty(room, dtype=np.int64)
    rests = np.empty(room, dtype=np.bool_)
    stack = np.empty(TREE_DEPTH, dtype=np.int64)
    mean = np.empty(points.shape[1])
    n_known = room  # so that the first seed empties the table
    for seed in range(len(modes)):
        if n_known + MAX_SHIFTS + 2 > room:
            table[:] = UNKNOWN
            n_known = 0
        here, n_known = _number(modes[seed], positions, successor, table, n_known)
        shifts = 0
        while True:
            if successor[here] == UNKNOWN:
                within[here] = _mean_within(
                    positions[here], points, bounds, first, last, is_leaf, bandwidth, stack, mean
                )
                shift = math.sqrt(((mean - positions[here]) ** 2).sum())
                rests[here] = shift <= STOP_SHARE * bandwidth or within[here] == 0
                successor[here], n_known = _number(mean, positions, successor, table, n_known)
            if rests[here] or shifts == MAX_SHIFTS:
                modes[seed] = positions[successor[here]]
                counts[seed] = within[here]
                break
            here = successor[here]
            shifts += 1


@compile_cached
def _number(
    position: Floats, positions: Floats, successor: Ints, table: Ints, n_known: int
) -> tuple[int, int]:
    """Look a position up by its bits, or append it; its number and how many are known now."""
    mask = len(table) - 1
    slot = np.uint64(14695981039346656037)
    for word in position.view(np.uint64):
        slot = (slot ^ word) * np.uint64(0x9E3779B97F4A7C15)
        slot ^= slot >> np.uint64(32)
    place = np.int64(slot & np.uint64(mask))
    while table[place] != UNKNOWN:
        if (positions[table[place]] == position).all():
            return table[place], n_known
        place = (place + 1) & mask
    table[place] = n_known
    positions[n_known] = position
    successor[n_known] = UNKNOWN
    return n_known, n_known + 1


@compile_cached
def _mean_within(
    here: Floats,
    points: Floats,
    bounds: Floats,
    first: Ints,
    last: Ints,
    is_leaf: Ints,
    bandwidth: float,
    stack: Ints,
    mean: Floats,
) -> int:
    """Write the mean of the points within the bandwidth to ``mean``; return how many there are.

    Every comparison and every order of summation is that of scikit-learn's
    ``BinaryTree.query_radius``, so that ties and roundings fall the same way. ``points`` are in
    the tree's order: node i holds ``first[i]:last[i]`` within the box ``bounds[:, i]``, and its
    children are 2i + 1 and 2i + 2.
    """
    n_features = len(here)
    count = 0
    mean[:] = 0.0
    stack[0] = 0
    depth = 1
    while depth > 0:
        depth -= 1
        node = stack[depth]
        nearest = 0.0
        farthest = 0.0
        for j in range(n_features):
            below = bounds[0, node, j] - here[j]
            above = here[j] - bounds[1, node, j]
            outside = max(below, above, 0.0)
            nearest += outside * outside
            across = max(abs(below), abs(above))
            farthest += across * across
        if math.sqrt(nearest) > bandwidth:
            continue
        if math.sqrt(farthest) <= bandwidth:
            for i in range(first[node], last[node]):
                for j in range(n_features):
                    mean[j] += points[i, j]
            count += last[node] - first[node]
        elif is_leaf[node]:
            for i in range(first[node], last[node]):
                squared = 0.0
                for j in range(n_features):
                    step = here[j] - points[i, j]
                    squared += step * step
                if squared <= bandwidth * bandwidth:
                    for j in range(n_features):
                        mean[j] += points[i, j]
                    count += 1
        else:
            stack[depth] = 2 * node + 2
            stack[depth + 1] = 2 * node + 1  # on top: the left child is visited first
            depth += 2
    if count > 0:
        for j in range(n_features):
            mean[j] /= count
    return count
