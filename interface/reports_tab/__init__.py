"""Findings in reports, and cases that resemble each other."""
