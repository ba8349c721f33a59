"""The errors of publishing."""

from modeling.errors import ViewboxError


class PublishError(ViewboxError):
    """Something cannot be published, and what to do about it."""
