"""Layouts: how published data sets lie on disk; one file each."""

from codeward.data.layouts._base import FileTable, Layout, LinePairs, Meta, StoredTable, Table, layouts

__all__ = ["FileTable", "Layout", "LinePairs", "Meta", "StoredTable", "Table", "layouts"]
