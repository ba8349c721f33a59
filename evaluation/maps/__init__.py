"""Explanation methods measured against what is known to be there."""
