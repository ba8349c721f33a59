"""Logs that hold no password: whatever logs, an address in a line or a traceback loses its login."""

import logging

from modeling.sentence import without_login


class _WithoutLogins(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_login(super().format(record))


def start_logs(level: int, form: str) -> None:
    """Log to standard error from a level on, in a form such as "%(name)s: %(message)s"."""
    handler = logging.StreamHandler()
    handler.setFormatter(_WithoutLogins(form))
    logging.basicConfig(level=level, handlers=[handler], force=True)
