"""A cluster of two nodes gives the scores that this process gives."""

import pytest

from codeward.bench.board import read_board
from codeward.cli import main

pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster():
    """Two nodes on this machine, one processor each."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.add_node(num_cpus=1)
    yield made
    made.shutdown()


def test_two_nodes_give_the_same_scores(cluster, finished, half_done, rows_at, tmp_path, capfd):
    out = tmp_path / "out"
    command = ["bench", str(finished / "small.toml"), "--data", str(rows_at), "-o", str(out)]
    assert main([*command, "--store", str(half_done), "--executor", "ray", "--address", cluster.address]) == 0
    ours, theirs = ({line.group: line.scores for line in read_board(place).lines} for place in (finished / "out", out))
    assert ours == theirs
    assert " -- " not in capfd.readouterr().err, "Ray's own log"


def test_a_step_wider_than_any_node_is_refused(cluster, finished, rows_at, tmp_path, capsys):
    command = ["bench", str(finished / "small.toml"), "--data", str(rows_at), "-o", str(tmp_path / "out")]
    assert main([*command, "--executor", "ray", "--address", cluster.address, "--threads", "2"]) == 2
    assert "--threads 2 is more than the processors of the cluster's largest node (1)" in " ".join(
        capsys.readouterr().err.split()
    )


def test_no_cluster_is_one_sentence(finished, rows_at, tmp_path, capsys):
    command = ["bench", str(finished / "small.toml"), "--data", str(rows_at), "-o", str(tmp_path / "out")]
    assert main([*command, "--executor", "ray", "--address", "127.0.0.1:1"]) == 2
    assert "no Ray cluster answers at 127.0.0.1:1" in capsys.readouterr().err
