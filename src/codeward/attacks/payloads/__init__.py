"""Payloads: what the attacker makes the model answer; one file each."""

from codeward.attacks.payloads._base import Payload, payloads

__all__ = ["Payload", "payloads"]
