"""The tab of lessons."""
