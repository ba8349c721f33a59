"""What is known of findings: names, synonyms, hierarchy and codes, and what index terms say of them."""
