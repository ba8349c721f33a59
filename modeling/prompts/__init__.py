"""Sentences asked of a film: its place between them, how much wording moves that, where each word lies."""
