"""Phantoms: synthetic chest cases of which it is known where the evidence for every label lies."""

from cases.phantom.generator import (
    ATTRIBUTION,
    Confounder,
    Phantom,
    PhantomSettings,
    generate_case,
    generate_cases,
    generate_phantom,
)

__all__ = ["ATTRIBUTION", "Confounder", "Phantom", "PhantomSettings"]
__all__ += ["generate_case", "generate_cases", "generate_phantom"]
