"""Ways of fusing film and table, trained and compared alike."""
