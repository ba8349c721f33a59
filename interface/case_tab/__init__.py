"""The tab on which a case is seen, predicted, explained and examined."""
