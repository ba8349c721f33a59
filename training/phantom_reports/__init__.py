"""Films taught by reports alone: phantoms without limit, with reports that err and a truth that is known."""
