import pytest

from codeward import errors
from codeward.errors import CodewardError, MissingExtraError, UnknownNameError, UsageError


def test_an_unknown_name_is_answered_with_the_nearest_and_all_that_are_allowed():
    error = UnknownNameError("attack", "deadcode-fixd", ["word-insert", "deadcode-fixed"])
    assert str(error) == (
        "unknown attack 'deadcode-fixd'. Did you mean 'deadcode-fixed'? "
        "It has to be one of: deadcode-fixed, word-insert."
    )


def test_nothing_is_suggested_where_nothing_is_near():
    assert str(UnknownNameError("task", "zzz", ["defect"])) == "unknown task 'zzz'. It has to be one of: defect."
    assert str(UnknownNameError("task", "zzz", [])).endswith("one of: none.")


def test_a_missing_package_is_named_with_the_command_that_installs_it():
    assert str(MissingExtraError("ray", "a grid on many machines")) == (
        "a grid on many machines needs the package 'ray', which is not installed: pip install ray"
    )


def _all_errors() -> list[type[CodewardError]]:
    found = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, CodewardError)]
    assert len(found) > 8
    return found


@pytest.mark.parametrize("error", _all_errors(), ids=lambda error: error.__name__)
def test_wrong_usage_exits_with_2_and_other_failures_with_4(error):
    assert error.exit_code == (2 if issubclass(error, UsageError) else 4)
