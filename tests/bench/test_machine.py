"""How many workers fit: into what is free, and into what a container or a batch system gives."""

import pytest

from codeward.bench import machine
from codeward.bench.machine import MEMORY, fitting, memory

GB = 1 << 30


@pytest.fixture
def told(tmp_path):
    """Write what the kernel tells: free memory in GB, the groups of this process, and files with limits."""

    def write(free, groups, limits):
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/meminfo").write_text(f"MemTotal: 99999999 kB\nMemAvailable: {free * (1 << 20)} kB\n")
        (tmp_path / "proc/self/cgroup").write_text(groups)
        for name, text in limits.items():
            (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "groups" / name).write_text(text)
        return memory(tmp_path / "groups", tmp_path / "proc")

    return write


@pytest.mark.parametrize(
    ("groups", "limits", "found"),
    [
        ("", {}, 20),
        ("0::/\n", {"memory.max": "max\n"}, 20),
        ("0::/job/step\n", {"job/step/memory.max": "max\n", "job/memory.max": f"{8 * GB}\n"}, 8),
        ("4:memory:/job\n1:cpu:/\n", {"memory/job/memory.limit_in_bytes": f"{5 * GB}\n"}, 5),
        ("4:memory:/gone\n", {"memory/memory.limit_in_bytes": f"{7 * GB}\n"}, 7),
        ("0::/\n", {"memory.max": f"{64 * GB}\n"}, 20),
    ],
)
def test_the_least_of_what_is_free_and_what_is_allowed(told, groups, limits, found):
    assert told(20, groups, limits) == found * GB


def test_a_system_that_tells_nothing(tmp_path):
    assert memory(tmp_path, tmp_path) >= min(MEMORY, GB)


def test_at_least_one_worker_fits_and_no_more_than_processors(monkeypatch):
    monkeypatch.setattr(machine, "memory", lambda: GB)
    assert fitting(1) == fitting(64) == 1
    monkeypatch.setattr(machine, "memory", lambda: 1000 * MEMORY)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert (fitting(1), fitting(3), fitting(64)) == (8, 2, 1)
