"""Tables as the bytes of Parquet files: the same table gives the same bytes, and damage shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interaction.errors import ArgumentError, missing_extra

if TYPE_CHECKING:
    import pyarrow

EPISODE = "episode"

_VERSION = re.compile(r"parquet-cpp-arrow version [\d.]+")  # of another one, bytes may be others


class DamagedFileError(ArgumentError):
    """A file of a sweep does not hold what was written."""


def arrow(purpose: str = "A sweep") -> Any:
    """Give `pyarrow` with its Parquet part; raise unless it is installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise missing_extra("pyarrow", "sweeps", purpose) from None
    return pyarrow


def encode(table: pyarrow.Table) -> bytes:
    """Give the bytes of a Parquet file, with a sum to check each page by."""
    library = arrow()
    sink = library.BufferOutputStream()
    others = [name for name in table.column_names if name != EPISODE]
    library.parquet.write_table(
        table,
        sink,
        compression="zstd",
        use_dictionary=others,
        column_encoding={EPISODE: "DELTA_BINARY_PACKED"},
        write_page_checksum=True,
    )
    found: bytes = sink.getvalue().to_pybytes()
    return found


def read(file: Path, columns: list[str] | None = None) -> pyarrow.Table:
    """Read a file, or some of its columns; raise `DamagedFileError` where it is not whole."""
    library = arrow()
    with _reading(file):
        return library.parquet.ParquetFile(file, page_checksum_verification=True).read(columns)


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Let whatever fails while a file is read say that it is damaged."""
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:  # what is damaged fails anyhow: in a name that cannot be decoded, say
        raise DamagedFileError(
            f"{file}: expected a whole Parquet file, got a damaged one: {error}"
        ) from error


def check(file: Path, cell: str, first: int, stop: int) -> None:
    """Raise `DamagedFileError` unless a file holds these episodes of a cell, to the last bit."""
    library = arrow()
    content, table = file.read_bytes(), read(file)
    told = (table.schema.metadata or {}).get(b"interaction.cell", b"").decode(errors="replace")
    episodes = table.column(EPISODE).to_numpy() if EPISODE in table.column_names else None
    if told != cell or episodes is None or episodes.tolist() != list(range(first, stop)):
        raise DamagedFileError(f"{file}: expected episodes {first:,} to {stop - 1:,} of {cell}")
    with _reading(file):
        by = library.parquet.read_metadata(file).created_by
    if not _VERSION.fullmatch(by) or (by == made_by() and encode(table) != content):
        raise DamagedFileError(f"{file}: its bytes are not those of the table that it holds")


def made_by() -> str:
    """Say what this library writes into its files of itself."""
    return f"parquet-cpp-arrow version {arrow().__version__}"
