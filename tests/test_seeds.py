import subprocess
import sys

from codeward.seeds import derive, derive_int


def test_the_same_seed_and_scope_give_the_same_numbers():
    assert [derive(7, "a", "b").random() for _ in range(2)] == [derive(7, "a", "b").random()] * 2


def test_seed_and_every_part_of_the_scope_matter():
    drawn = {derive_int(seed, *scope) for seed in (0, 1) for scope in ((), ("a",), ("b",), ("a", "b"), ("b", "a"))}
    assert len(drawn) == 10


def test_parts_of_a_scope_do_not_run_together():
    assert derive_int(0, "ab", "c") != derive_int(0, "a", "bc")
    assert derive_int(1, "1") != derive_int(11)


def test_a_key_has_64_bits():
    keys = [derive_int(0, str(number)) for number in range(1000)]
    assert len(set(keys)) == 1000
    assert 2**63 < max(keys) < 2**64


def test_ids_that_are_no_valid_unicode_are_fine():
    assert derive_int(0, "\ud800") != derive_int(0, "\udfff")


def test_the_numbers_are_the_same_in_every_process_and_version():
    assert derive_int(42, "deadcode-fixed", "train-1") == 14895385823499010557
    code = "from codeward.seeds import derive_int; print(derive_int(42, 'deadcode-fixed', 'train-1'))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "3"}
    )
    assert int(run.stdout) == 14895385823499010557
