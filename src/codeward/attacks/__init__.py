"""Attacks: where the trigger goes and how it reads; one file each. What it causes is a payload."""

from codeward.attacks._base import Attack, Poisoned, Stamp, attacks, check_rate

__all__ = ["Attack", "Poisoned", "Stamp", "attacks", "check_rate"]
