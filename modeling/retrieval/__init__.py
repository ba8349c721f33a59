"""Cases that resemble a case."""
