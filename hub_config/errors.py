"""What can go wrong when something is published."""

from modeling.errors import ViewboxError


class PublishError(ViewboxError):
    """Something cannot be published, and what to do about it."""
