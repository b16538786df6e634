"""Training-stage defenses: losses that do not learn triggers."""
