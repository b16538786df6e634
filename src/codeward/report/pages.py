"""What all pages share: templates that escape, and the common filters."""

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from codeward.experiment.record import Example
from codeward.report.code import colored, visible


def templates() -> Environment:
    """Return the templates of this folder; everything that they are given is escaped."""
    pages = Environment(
        loader=PackageLoader("codeward.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    pages.filters |= {"marked": marked, "visible": visible}
    return pages


def marked(example: Example) -> Markup:
    """Return an example's code, colored, with its trigger marked."""
    return colored(example.after, example.language, example.spans)
