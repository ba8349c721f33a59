"""The strings of the panels, one module a panel: key -> (English, Traditional Chinese)."""

PANELS: tuple[dict[str, tuple[str, str]], ...] = ()
"""Each panel's STRINGS; a key belongs to one of them."""
