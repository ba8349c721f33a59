"""Cases as a data set for the Hub, each under its own licence."""
