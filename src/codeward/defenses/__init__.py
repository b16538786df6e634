"""Defenses, by the stage at which they stand: data, training, model, input."""
