"""Text files as numbered lines: plain, gzip or zstd (told by their first bytes), strictly UTF-8, never loaded whole."""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import IO, Any, cast

from codeward.errors import DataError

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_BOM = b"\xef\xbb\xbf"
_CHUNK = 1 << 18


def lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""Yield each line with its number from 1, without its line break (``\n`` or ``\r\n``).

    Raises:
        DataError: If the file is missing, cannot be read, is cut off or damaged, or is not UTF-8.
    """
    number = 0
    with reading(path):
        try:
            with open_bytes(path) as file:
                for number, line in enumerate(file, start=1):
                    text = line.removeprefix(_BOM) if number == 1 else line
                    yield number, text.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError as problem:
            raise _not_utf8(f"{path}, line {number}", problem) from None


def chunks(path: Path) -> Iterator[str]:
    """Yield a file's text in parts of bounded size, whatever its lines.

    Raises:
        DataError: As ``lines`` does.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    with reading(path):
        try:
            with open_bytes(path) as file:
                while raw := file.read(_CHUNK):
                    yield decoder.decode(raw)
                yield decoder.decode(b"", final=True)
        except UnicodeDecodeError as problem:
            raise _not_utf8(str(path), problem) from None


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what can go wrong while reading into one sentence."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise DataError(
            f"{path}: the compressed file is cut off or damaged ({problem}); fetch or write it again"
        ) from None
    except OSError as problem:
        raise DataError(f"{path}: cannot be read: {(problem.strerror or str(problem)).lower()}") from None


def _not_utf8(where: str, problem: UnicodeDecodeError) -> DataError:
    byte = problem.object[problem.start]
    return DataError(f"{where}: the text is not UTF-8 (byte {byte:#04x}); convert the file to UTF-8")


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading; gzip and zstd are unpacked on the way.

    Raises:
        OSError: If it cannot be opened.
    """
    with path.open("rb") as file:
        magic = file.read(4)
    if magic.startswith(_GZIP):
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return cast("IO[bytes]", BufferedReader(_Zstd(path), _CHUNK)) if magic == _ZSTD else path.open("rb")


class _Zstd(RawIOBase):
    """A zstd file as a raw stream that, unlike the library's own, refuses a file that ends within a frame."""

    def __init__(self, path: Path) -> None:
        import zstandard

        super().__init__()
        self._error = zstandard.ZstdError
        self._new = zstandard.ZstdDecompressor().decompressobj
        self._file = path.open("rb")
        self._frame: Any = None
        self._pending = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._pending:
            if not self._unpack():
                return 0
        part = self._pending[: len(buffer)]
        self._pending = self._pending[len(part) :]
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _unpack(self) -> bool:
        """Unpack the next chunk; ``False`` at the end of the file."""
        raw = b"" if self._frame is None or not self._frame.eof else self._frame.unused_data
        raw = raw or self._file.read(_CHUNK)
        if not raw:
            if self._frame is not None and not self._frame.eof:
                raise EOFError("the file ends within a zstd frame")
            return False
        if self._frame is None or self._frame.eof:
            self._frame = self._new()
        try:
            self._pending = self._frame.decompress(raw)
        except self._error as problem:
            raise EOFError(str(problem)) from None
        return True
