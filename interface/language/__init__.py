"""The strings of the panels, one module a panel: key -> (English, Traditional Chinese)."""

from interface.language import about

from interface.language import about_text

from interface.language import learn

from interface.language import prove

from interface.language import quiz

from interface.language import reports

from interface.language import take

from interface.language import trust

from interface.language import viewer

PANELS: tuple[dict[str, tuple[str, str]], ...] = (
    about.STRINGS,
    about_text.STRINGS,
    learn.STRINGS,
    prove.STRINGS,
    quiz.STRINGS,
    reports.STRINGS,
    take.STRINGS,
    trust.STRINGS,
    viewer.STRINGS,
)
"""Each panel's STRINGS; a key belongs to one of them."""
