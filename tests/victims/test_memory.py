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
