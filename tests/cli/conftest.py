"""The command line as a test calls it."""

import pytest

from codeward.cli import main


@pytest.fixture
def run(capsys):
    def call(*arguments):
        capsys.readouterr()
        result = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return result, captured.out, " ".join(captured.err.split())

    return call
