"""The strings of the panels, one module a panel: key -> (English, Traditional Chinese)."""

from interface.language import about, about_text, learn, prove, quiz, reports, take, trust, viewer

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
