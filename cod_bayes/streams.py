"""Streams of random numbers, a key each."""

import zlib

import numpy as np


def open_stream(random_seed: int, *key: str) -> np.random.Generator:
    """A stream of its own for every key, so that nothing drawn for one moves another."""
    return np.random.default_rng([random_seed, *(zlib.crc32(part.encode()) for part in key)])
