"""How an audit goes on: whom it tells how far it is, where it keeps what is done, and how many processes help."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, MutableMapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt

from codeward.types import Sample

Progress = Callable[[str, int], None]
"""Called with what is being done and the number of rows it is done for."""
Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]
"""What is known of a chunk of rows, by name."""
Compute = Callable[[list[Sample]], Arrays]
"""Turns a chunk of rows into arrays; the same rows give the same arrays, in whatever process."""
STEP = 500
"""Rows between two calls of a progress."""
CHUNK = 4096
"""Rows of a chunk."""


@dataclass(frozen=True, slots=True)
class Chunks:
    """What is known of all rows, chunk by chunk, in the order of the rows; can be read again and again."""

    memory: Mapping[str, Arrays]
    name: str
    count: int
    rows: int
    """Rows of all chunks."""

    def __iter__(self) -> Iterator[Arrays]:
        return (self.memory[f"{self.name}-{number}"] for number in range(self.count))


@dataclass(frozen=True, slots=True)
class Work:
    """What a defense is given to work with."""

    progress: Progress | None = None
    memory: MutableMapping[str, Arrays] = field(default_factory=dict)
    """Where finished chunks are kept: in a folder, they need no memory and a stopped audit goes on with the others."""
    processes: int = 1
    """Processes that read rows; the result is the same."""

    def tell(self, what: str, done: int) -> None:
        """Tell how many rows something is done for."""
        if self.progress is not None:
            self.progress(what, done)

    def told(self, rows: Iterable[Sample], what: str) -> Iterator[Sample]:
        """Yield rows and tell how many they were."""
        for number, sample in enumerate(rows, start=1):
            yield sample
            if number % STEP == 0:
                self.tell(what, number)

    def kept(self, name: str, compute: Callable[[], Arrays]) -> Arrays:
        """Return what is kept under a name; it is computed where nothing is."""
        if name not in self.memory:
            self.memory[name] = compute()
        return self.memory[name]

    def chunks(self, rows: Iterable[Sample], what: str, compute: Compute, size: int = CHUNK) -> Chunks:
        """Compute something for all rows, chunk by chunk, and keep it; chunks that are kept already are not computed again.

        Args:
            rows: The rows; read once, or not at all where all chunks are kept.
            what: What is being done; the name under which the chunks are kept.
            compute: See ``Compute``; with several processes one that can be pickled.
            size: Rows of a chunk.
        """
        name = what.replace(" ", "-")
        end = self.memory.get(name)
        if end is None:
            done = 0
            for number, (count, arrays) in enumerate(self._computed(rows, name, compute, size)):
                if arrays is not None:
                    self.memory[f"{name}-{number}"] = arrays
                done += count
                self.tell(what, done)
            end = {"rows": np.array(done)}
            self.memory[name] = end
        total = int(end["rows"])
        return Chunks(self.memory, name, -(-total // size), total)

    def _computed(
        self, rows: Iterable[Sample], name: str, compute: Compute, size: int
    ) -> Iterator[tuple[int, Arrays | None]]:
        """Yield for each chunk how many rows it has and what was computed; ``None`` where that is kept already."""
        source = iter(rows)
        parts = iter(lambda: list(islice(source, size)), [])
        todo = ((part, f"{name}-{number}" not in self.memory) for number, part in enumerate(parts))
        if self.processes == 1:
            yield from ((len(part), compute(part) if new else None) for part, new in todo)
            return
        waiting: deque[tuple[int, Future[Arrays] | None]] = deque()
        pool = ProcessPoolExecutor(self.processes, get_context("spawn"), initializer=_prepare, initargs=(compute,))
        try:
            for part, new in todo:
                waiting.append((len(part), pool.submit(_compute, part) if new else None))
                if len(waiting) > 2 * self.processes:
                    yield _taken(waiting)
            while waiting:
                yield _taken(waiting)
        finally:
            pool.shutdown(cancel_futures=True)


def _taken(waiting: "deque[tuple[int, Future[Arrays] | None]]") -> tuple[int, Arrays | None]:
    count, future = waiting.popleft()
    return count, None if future is None else future.result()


_ready: list[Compute] = []
"""In a helping process: what it computes, sent to it once."""


def _prepare(compute: Compute) -> None:
    _ready[:] = [compute]


def _compute(part: list[Sample]) -> Arrays:
    return _ready[0](part)


def drawn(
    rows: Iterable[Sample], limit: int, rng: Random, group: Callable[[Sample], Hashable] = lambda _: None
) -> list[Sample]:
    """Return at most so many rows of each group, in their order (reservoir sampling); by default all are one group."""
    groups: defaultdict[Hashable, list[tuple[int, Sample]]] = defaultdict(list)
    seen: Counter[Hashable] = Counter()
    for number, sample in enumerate(rows):
        name = group(sample)
        own = groups[name]
        seen[name] += 1
        if len(own) < limit:
            own.append((number, sample))
        elif (place := rng.randrange(seen[name])) < limit:
            own[place] = (number, sample)
    return [sample for _, sample in sorted((pair for own in groups.values() for pair in own), key=lambda pair: pair[0])]
