"""The bench: grids of tasks, attacks, models and defenses, as a graph of cached steps, on one machine or many."""
