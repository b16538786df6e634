"""One seed a run: every generator derives from it and from what it is used for, so that order never matters."""

import hashlib
from random import Random


def derive(seed: int, *scope: str) -> Random:
    """Return a generator for one purpose.

    Args:
        seed: The run's seed.
        scope: What the generator is for, for instance the attack's name and the sample's id.

    Returns:
        A generator that depends on the seed and the scope only, on every platform and in every process.
    """
    return Random(derive_int(seed, *scope))


def derive_int(seed: int, *scope: str) -> int:
    """Return 64 bits that depend on the seed and the scope only; a key to sort by, or a seed for a library."""
    text = "\x1f".join((str(seed), *scope))
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
