"""How numbers are written in the page of a bench."""

MINUS = "\N{MINUS SIGN}"


def points(value: float | None, *, signed: bool = False) -> str:
    """Return points or percent to one decimal; nothing for nothing."""
    if value is None:
        return ""
    rounded = round(value, 1) + 0.0  # no minus before a zero
    sign = MINUS if rounded < 0 else "+" if signed and rounded > 0 else ""
    return f"{sign}{abs(rounded):.1f}"


def percent(share: float | None) -> str:
    """Return a share in percent to one decimal."""
    return "" if share is None else points(100 * share)


def rate(share: float) -> str:
    """Return a poison rate in percent, as short as it is."""
    return f"{100 * share:g} %"


def amount(value: float | None) -> str:
    """Return seconds or milliseconds to about three digits."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def duration(seconds: float) -> str:
    """Return seconds as a person says them."""
    if seconds < 60:
        return f"{amount(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def sentence(text: str) -> str:
    """Return a text with a period at its end, unless it ends already."""
    return text if text.endswith((".", "!", "?")) else f"{text}."
