"""Codeward finds, removes and prevents backdoors in neural code models."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("codeward")
except PackageNotFoundError:  # running from a source tree that is not installed
    __version__ = "0+unknown"
