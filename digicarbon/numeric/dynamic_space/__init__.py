"""Dynamic spatial panels: likelihoods, bias corrections, effects and impulse responses, many outcomes at once."""
