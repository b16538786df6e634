"""Freed memory is kept where glibc allocates it."""

import ctypes
import platform
import sys

import pytest

from codeward.victims import memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="there is no glibc")
def test_glibc_keeps_it():
    assert memory.keep_freed_memory()


def test_without_glibc_nothing_happens(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert not memory.keep_freed_memory()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not memory.keep_freed_memory()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="there is no glibc")
def test_holes_in_the_heap_are_handed_back():
    """Half of many small blocks are freed, so that the top of the heap stays in use."""
    blocks = [bytes(60_000) for _ in range(1_000)]
    del blocks[::2]
    assert memory.give_back_memory()


def test_where_nothing_can_be_handed_back_nothing_is(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert not memory.give_back_memory()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not memory.give_back_memory()


class _Held:
    """Memory that grows with each step and falls to what is in use when it is handed back."""

    def __init__(self, monkeypatch, growth):
        self.growth, self.in_use, self.held, self.most, self.handed = growth, 1.0, 3.0, 0.0, 0
        monkeypatch.setattr(memory, "resident", lambda: self.held)
        monkeypatch.setattr(memory, "give_back_memory", self._give_back)

    def _give_back(self):
        self.held, self.handed = self.in_use, self.handed + 1
        return True

    def run(self, heap, steps):
        for _ in range(steps):
            self.held += self.growth
            self.most = max(self.most, self.held)
            heap.step()


def test_a_heap_that_grows_for_long_stays_under_what_the_first_steps_allow(monkeypatch):
    held = _Held(monkeypatch, growth=0.5)
    held.run(memory.Heap(), 400)
    assert held.most <= 1.6 * (3 + 10 * 0.5) + 0.5
    assert 10 <= held.handed <= 40


def test_what_is_in_use_is_not_handed_back_at_every_step(monkeypatch):
    held, heap = _Held(monkeypatch, growth=0.0), memory.Heap()
    held.run(heap, 10)
    held.held = held.in_use = 9.0
    held.run(heap, 50)
    assert held.handed == 1


def test_where_the_system_does_not_say_what_is_held_nothing_is_tidied(monkeypatch, tmp_path):
    assert memory.resident() > 1 << 20
    monkeypatch.setattr(memory, "RESIDENT", tmp_path / "none")
    assert memory.resident() == 0
    heap = memory.Heap()
    assert not any(heap.step() for _ in range(20))


def test_what_a_training_leaves_is_handed_back_at_its_end(monkeypatch):
    from codeward.victims import trainer

    handed = []
    monkeypatch.setattr(trainer, "give_back_memory", lambda: handed.append(True))
    trainer.Tidy().on_train_end(None, None, None)
    assert handed == [True]
