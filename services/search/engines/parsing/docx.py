"""Word documents: mammoth reads them to HTML, whose text and headings are taken."""

import io
import zipfile
import zlib
from xml.parsers.expat import ExpatError

import mammoth

from kit.errors import InvalidRequest
from services.search.engines.parsing.archive_guard import check_archive
from services.search.engines.parsing.extracted import Extracted
from services.search.engines.parsing.html import html_to_text
from services.search.engines.parsing.limits import ParsingLimits


def parse_docx(body: bytes, limits: ParsingLimits) -> Extracted:
    check_archive(body, "docx", limits)
    try:
        result = mammoth.convert_to_html(
            io.BytesIO(body), convert_image=lambda image: [], external_file_access=False
        )
    except RecursionError as error:
        raise InvalidRequest("The docx file is nested too deeply.") from error
    except (
        ExpatError, zipfile.BadZipFile, zlib.error, OSError, EOFError,
        KeyError, ValueError, TypeError, AttributeError, IndexError,
    ) as error:  # fmt: skip
        # mammoth validates nothing: what a broken part lacks surfaces as any of these.
        raise InvalidRequest("Not a valid docx file: its parts are broken or missing.") from error
    return html_to_text(result.value, limits)
