"""Other users of the host read nothing of what a platform keeps."""

import os
from pathlib import Path

from tests.support.platform import Platform


def test_no_file_of_the_platform_is_open_to_others(platform: Platform) -> None:
    platform.boto3("s3").create_bucket(Bucket="private")
    platform.boto3("s3").put_object(Bucket="private", Key="k", Body=b"secret")
    paths = [Path(folder) / file for folder, _, files in os.walk(platform.data) for file in files]
    paths = [path for path in paths if path.name != "platform.log"]  # the test run's own
    assert paths
    assert [path for path in [platform.data, *paths] if path.stat().st_mode & 0o077] == []
