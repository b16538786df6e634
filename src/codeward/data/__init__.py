"""Data: readers for the published formats and the hub, Codeward's own layout, and sets harvested from source trees."""

from codeward.data.folder import DataFolder, open_data
from codeward.data.harvest import HARVESTED, Harvest, harvest, write_harvest
from codeward.data.layouts import Layout, StoredTable, layouts
from codeward.data.rewrite import check_copy, obstacle, write_kept
from codeward.data.write import check_place, fingerprint, write_data

__all__ = [
    "HARVESTED",
    "DataFolder",
    "Harvest",
    "Layout",
    "StoredTable",
    "check_copy",
    "check_place",
    "fingerprint",
    "harvest",
    "layouts",
    "obstacle",
    "open_data",
    "write_data",
    "write_harvest",
    "write_kept",
]
