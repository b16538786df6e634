"""Layouts: how published data sets lie on disk; one file each."""

from codeward.data.layouts._base import Layout, LinePairs, layouts

__all__ = ["Layout", "LinePairs", "layouts"]
