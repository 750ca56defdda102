"""How strong what was not observed would have to be."""
