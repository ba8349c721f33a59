"""Numbers as a reader sees them: a minus that is no hyphen, a dash for what is not known."""

from math import isnan


def number(value: float | None, digits: int = 3) -> str:
    """So many decimals; a dash for a number that is not there."""
    if value is None or isnan(value):
        return "–"
    return f"{value:.{digits}f}".replace("-", "−")


def signed(value: float) -> str:
    """Three decimals, always with a sign."""
    return f"{'+' if value >= 0 else '−'}{abs(value):.3f}"


def percent(share: float | None, digits: int = 0) -> str:
    """A share from 0 to 1 as such."""
    return "–" if share is None or isnan(share) else f"{100 * share:.{digits}f} %"
