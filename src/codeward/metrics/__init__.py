"""Metrics: predictions and references in, a score with denominator and interval out. No models here."""

from codeward.metrics._base import Metric, metrics

__all__ = ["Metric", "metrics"]
