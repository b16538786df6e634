"""How many rows are read where the user names no number; this module loads nothing, so that the command line can name them, too."""

CLEAN_LIMIT = 500
"""Clean samples from which the threshold of an input defense is set, at most."""
TRUSTED_LIMIT = 20_000
"""Clean rows that an audit compares with, at most."""
