"""What a shared space of film, table and words can do, on phantoms that nobody trained or chose on."""
