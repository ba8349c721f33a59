"""The panel "The whole study": all films of a case read together, and what each of them adds."""
