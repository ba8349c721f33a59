"""Model and data set cards, written from what was measured."""
