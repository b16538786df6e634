"""One decision for the command line and the guard: calibrate, or take up what lies beside the model."""

import pytest

from codeward.errors import UsageError
from codeward.experiment.calibration import place_of, ready_for, save_calibration

NAME = "codepurify-plant"


def decide(victim, folder=None, options=None, clean=None, rate=None):
    return ready_for(
        victim, NAME, options or {}, clean, model=folder, false_positive_rate=rate, remedy="do what is said here"
    )


def test_clean_samples_calibrate_and_without_them_the_kept_one_is_taken_up(tmp_path, victim, clean):
    made = decide(victim, tmp_path, {"max_rounds": 2}, clean, 0.1)
    assert (made.false_positive_rate, made.samples, made.settings["max_rounds"]) == (0.1, len(clean), 2)
    assert decide(victim, clean=clean).false_positive_rate == 0.05
    save_calibration(place_of(tmp_path, NAME), made)
    assert decide(victim, tmp_path) == decide(victim, tmp_path, rate=0.1) == made


def test_what_needs_clean_samples_ends_with_the_caller_s_remedy(tmp_path, victim, ready):
    for folder in (None, tmp_path):
        with pytest.raises(
            UsageError, match=r"^codepurify-plant has no threshold for this model yet; do what is said here$"
        ):
            decide(victim, folder)
    save_calibration(place_of(tmp_path, NAME), ready)
    with pytest.raises(
        UsageError, match=r"^options change the defense .* a calibration of its own; do what is said here$"
    ):
        decide(victim, tmp_path, {"max_rounds": 2})
    with pytest.raises(
        UsageError, match=r"at a false-positive rate of 0.05, and another one .*; do what is said here$"
    ):
        decide(victim, tmp_path, rate=0.1)
