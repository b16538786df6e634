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


def test_a_heap_that_has_grown_by_a_third_is_tidied_once(monkeypatch):
    held = [3, 4, *[4] * 8, 5, 7, 3, 4, *[4] * 8, 5, 5.1, 5.3]
    handed = []
    monkeypatch.setattr(memory, "resident", lambda: held.pop(0))
    monkeypatch.setattr(memory, "give_back_memory", lambda: handed.append(len(held)) or True)
    heap = memory.Heap()
    assert [heap.step() for _ in range(len(held))] == [False] * 11 + [True] + [False] * 12 + [True]
    assert len(handed) == 2


def test_where_the_system_does_not_say_what_is_held_nothing_is_tidied(monkeypatch, tmp_path):
    assert memory.resident() > 1 << 20
    monkeypatch.setattr(memory, "RESIDENT", tmp_path / "none")
    assert memory.resident() == 0
    heap = memory.Heap()
    assert not any(heap.step() for _ in range(20))
