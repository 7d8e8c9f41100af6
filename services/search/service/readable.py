"""What a caller lets the platform read for it must be open to the caller's own key.

A job reads later with the tenant's rights, and its passages show what it read.
"""

from contracts.search.ingestion import DirectDocument
from contracts.search.knowledge_bases import DataSource, DataSourceSpec
from kit.auth.principal import Principal
from kit.auth.scopes import require
from kit.objects.arns import arn
from services.search.service.sources import SIDECAR, split_s3_uri


def require_source(who: Principal, spec: DataSourceSpec) -> None:
    """Raises PermissionDenied unless the caller may list the bucket and get all of the prefix."""
    where = spec.source
    if where.type == "S3":
        require(who.scopes, "s3:ListObjectsV2", arn(where.bucket))
        require(who.scopes, "s3:GetObject", arn(where.bucket, f"{where.prefix}*"))


def require_document(who: Principal, source: DataSource, document: DirectDocument) -> None:
    """Raises PermissionDenied for an object that the caller may not get, a sidecar included."""
    if source.spec.source.type == "S3":
        uris = [document.id, document.id + SIDECAR]
    else:
        uris = [uri for uri in (document.source_uri, document.attributes_uri) if uri is not None]
    for uri in uris:
        require(who.scopes, "s3:GetObject", arn(*split_s3_uri(uri)))
