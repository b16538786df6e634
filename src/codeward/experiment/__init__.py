"""Experiments: poison a set, train a victim, measure it, and write down all that it took."""
