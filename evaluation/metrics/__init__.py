"""How well a model ranks, decides and calibrates, with intervals over patients. Needs nothing but `modeling`.

`one_label` is for classes of which a film has one, `many_labels` for labels that do not exclude each other;
`bootstrap` draws patients, each with all of their films.
"""
