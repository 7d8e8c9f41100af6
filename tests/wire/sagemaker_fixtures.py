"""Clients of SageMaker's two APIs; tests name this module in `pytest_plugins`."""

from typing import Any

import pytest

from tests.support.platform import Platform


@pytest.fixture(scope="module")
def sagemaker(platform: Platform) -> Any:
    return platform.boto3("sagemaker")


@pytest.fixture(scope="module")
def runtime(platform: Platform) -> Any:
    return platform.boto3("sagemaker-runtime")
