"""Train and measure the shared space of film, table and words on phantoms."""
