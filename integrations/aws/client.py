"""A client for the S3 that settings name, and for no other."""

from typing import Any

import botocore.session
from botocore.config import Config

from kit.settings import ObjectsSettings

_CONNECTIONS = 64
"""Each object that is being read holds one."""


def open_s3(settings: ObjectsSettings) -> Any:
    """botocore's client, which is boto3's without its helpers.

    AWS_ENDPOINT_URL does not count: where clients of this platform run, it is this platform.
    """
    key, secret = settings.objects_access_key_id, settings.objects_secret_access_key
    endpoint = settings.objects_endpoint
    return botocore.session.get_session().create_client(
        "s3",
        endpoint_url=str(endpoint) if endpoint else None,
        region_name=settings.objects_region,
        aws_access_key_id=key.get_secret_value() if key else None,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        config=Config(  # type: ignore[call-arg]  # the stubs lack the first of these
            ignore_configured_endpoint_urls=True,
            max_pool_connections=_CONNECTIONS,
            connect_timeout=3,
            read_timeout=30,
            retries={"mode": "standard", "total_max_attempts": 3},
            # Names of buckets are no host names but at AWS, unless somebody set up a DNS for it.
            s3={"addressing_style": "path" if endpoint else "auto"},
        ),
    )
