"""Settings that an executor would not heed are refused, and so are steps that no node of a cluster could begin."""

import signal
import sys
from types import ModuleType

import pytest

from codeward.bench import executors
from codeward.cli import main
from codeward.errors import UsageError


def use(path, name, **options):
    with executors.executor(name, path, **{"workers": 0, "threads": 1, "address": "auto", **options}) as made:
        return made


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--address", "head:6379"),
            "--address head:6379 has no effect on steps that run on this machine; leave it out",
        ),
        (("--executor", "ray", "--workers", "2"), "--workers 2 has no effect on a Ray cluster"),
        (("--executor", "moon", "--workers", "2"), "unknown executor 'moon'"),
    ],
)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_options_of_the_other_executor_are_refused(suite_file, rows_at, tmp_path, capsys, options, message, dry):
    out = tmp_path / "out"
    assert main(["bench", str(suite_file), "--data", str(rows_at), "-o", str(out), *options, *dry]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not out.exists()


def test_so_they_are_by_the_function(tmp_path):
    with pytest.raises(UsageError, match="--address local has no effect"):
        use(tmp_path, "local", workers=1, address="local")
    with pytest.raises(UsageError, match="--workers 3 has no effect"):
        use(tmp_path, "ray", workers=3)


@pytest.fixture
def cluster(monkeypatch):
    """A stand-in for Ray whose cluster has a node of four processors, one without any, and a larger one that is gone."""
    ray = ModuleType("ray")
    ray.left = 0

    def leave():
        ray.left += 1

    ray.asked = []
    ray.init = lambda *, address, **_: ray.asked.append(address)
    ray.shutdown = leave
    ray.remote = lambda **_: lambda work: work
    ray.cluster_resources = lambda: {"CPU": 4.0}
    ray.nodes = lambda: [
        {"Alive": True, "Resources": {"CPU": 4.0}},
        {"Alive": True, "Resources": {"memory": 1e9}},
        {"Alive": False, "Resources": {"CPU": 64.0}},
    ]
    monkeypatch.setitem(sys.modules, "ray", ray)
    return ray


def test_a_step_wider_than_any_node_is_refused(cluster, tmp_path):
    with pytest.raises(UsageError, match=r"--threads 5 is more than .* largest node \(4\), .* give fewer, or add"):
        use(tmp_path, "ray", threads=5)
    assert cluster.left == 1


def test_a_cluster_without_processors_is_refused(cluster, tmp_path):
    cluster.nodes = list
    with pytest.raises(UsageError, match=r"--threads 1 is more than .* largest node \(0\)"):
        use(tmp_path, "ray")


def test_a_step_as_wide_as_the_largest_node_is_not(cluster, tmp_path):
    assert use(tmp_path, "ray", threads=4).room == 2
    assert cluster.left == 1


@pytest.mark.parametrize("address", ["local", "auto"])
def test_local_starts_a_cluster_also_where_one_is_running(cluster, tmp_path, address):
    """Without an address Ray would join the one that is running, or the one of RAY_ADDRESS."""
    use(tmp_path, "ray", address=address)
    assert cluster.asked == [address]


def test_ray_does_not_take_sigterm_from_whoever_minds_it(cluster, tmp_path):
    cluster.init = lambda **_: signal.signal(signal.SIGTERM, signal.SIG_IGN)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        use(tmp_path, "ray")
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)
