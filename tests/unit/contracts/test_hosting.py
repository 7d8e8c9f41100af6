"""What no endpoint can be asked for, whichever door it comes through."""

import pytest
from pydantic import ValidationError

from contracts.generation import hosting as h


def test_a_configuration_has_each_variant_once() -> None:
    variants = [h.Variant(name=name) for name in ("blue", "green", "blue")]
    with pytest.raises(ValidationError, match="blue is there twice"):
        h.CreateEndpointConfig(name="front", variants=variants)
    h.CreateEndpointConfig(name="front", variants=variants[:2])


def test_capacities_have_each_variant_once() -> None:
    capacities = [h.Capacity(variant="blue", weight=weight) for weight in (1, 2)]
    with pytest.raises(ValidationError, match="blue is there twice"):
        h.SetCapacities(name="front", capacities=capacities)
    h.SetCapacities(name="front", capacities=capacities[:1])
