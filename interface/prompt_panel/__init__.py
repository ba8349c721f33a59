"""The panel "Ask in words": a film between sentences, and where on it each word lies."""
