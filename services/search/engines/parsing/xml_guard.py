"""Refuses document types in an archive's XML, so no entity can expand or fetch anything."""

import zipfile
import zlib
from xml.parsers import expat

from kit.errors import InvalidRequest

_PIECE = 65_536


class _Prolog(Exception):
    """The prolog of the XML is over; `declared` says whether it declares a document type."""

    def __init__(self, *, declared: bool) -> None:
        super().__init__()
        self.declared = declared


def refuse_document_types(archive: zipfile.ZipFile, kind: str) -> None:
    """Looks at every part, since any of them can be named as XML by another.

    Office never writes such declarations. Each part is read only up to its first element.
    """
    for entry in archive.infolist():
        if not entry.is_dir() and _declares_type(archive, entry, kind):
            raise InvalidRequest(f"Not a valid {kind} file: its XML declares a document type.")


def _declares_type(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, kind: str) -> bool:
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = lambda *_: _stop(declared=True)
    parser.StartElementHandler = lambda *_: _stop(declared=False)
    try:
        with archive.open(entry) as part:
            while piece := part.read(_PIECE):
                parser.Parse(piece)
    except _Prolog as prolog:
        return prolog.declared
    except expat.ExpatError:
        return False  # no XML, or none that another parser gets further into
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise InvalidRequest(f"Not a valid {kind} file: its zip archive is broken.") from error
    return False


def _stop(*, declared: bool) -> None:
    raise _Prolog(declared=declared)
