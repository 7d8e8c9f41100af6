"""Operations that AWS serves and botocore's models lack, in the models' own form."""

from typing import Any

# A browser's form upload under a POST policy; `Body` is the form's file.
_POST_OBJECT = {
    "operations": {
        "PostObject": {
            "name": "PostObject",
            "http": {"method": "POST", "requestUri": "/{Bucket}"},
            "input": {"shape": "PostObjectRequest"},
            "output": {"shape": "PostObjectOutput"},
        }
    },
    "shapes": {
        "PostObjectRequest": {
            "type": "structure",
            "required": ["Bucket"],
            "members": {
                "Bucket": {"shape": "BucketName", "location": "uri", "locationName": "Bucket"},
                "Body": {"shape": "Body", "streaming": True},
            },
            "payload": "Body",
        },
        "PostObjectOutput": {
            "type": "structure",
            "members": {
                "Bucket": {"shape": "BucketName"},
                "Key": {"shape": "ObjectKey"},
                "ETag": {"shape": "ETag", "location": "header", "locationName": "ETag"},
                "Location": {"shape": "Location", "location": "header", "locationName": "Location"},
            },
        },
    },
}

EXTRA: dict[str, dict[str, dict[str, Any]]] = {"s3": _POST_OBJECT}
