"""The verbs, put together."""

from typing import Annotated

import typer

from codeward import __version__
from codeward.cli import (
    audit,
    bench,
    demo,
    doctor,
    evaluate,
    harvest,
    list_,
    poison,
    pretrain,
    purify,
    repair,
    report,
    scan,
    show,
    train,
)
from codeward.cli._console import show as print_result

app = typer.Typer(
    name="codeward",
    help="Find, remove and prevent backdoors in neural code models.",
    epilog="Start with:  codeward demo",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        print_result(f"codeward {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Find, remove and prevent backdoors in neural code models."""


for _module in (
    demo,
    harvest,
    poison,
    audit,
    train,
    pretrain,
    evaluate,
    scan,
    repair,
    purify,
    bench,
    report,
    list_,
    show,
    doctor,
):
    app.command(name=_module.NAME, epilog=_module.EXAMPLES)(_module.run)
