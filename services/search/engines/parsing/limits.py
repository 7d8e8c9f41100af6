"""The limits that one document is held to; exceeding any of them is the document's failure."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ParsingLimits:
    """Defaults: AWS's 50 MB a file, then what keeps one document from hurting the others."""

    file_bytes: int = 50 * 1000 * 1000
    characters: int = 20 * 1000 * 1000
    memory_bytes: int = 512 * MIB
    """Of address space, libraries included: an upper bound of the resident memory."""
    seconds: float = 9.0
    """Wall clock from the whole file's arrival in the child; 10 s with what surrounds it."""
    processes: int = 2
    """Documents parsed at once; the others wait, and waiting does not count."""
    pdf_pages: int = 10_000
    archive_entries: int = 10_000
    archive_bytes: int = 256 * MIB
    archive_ratio: int = 100
