"""Rows of hosting as contracts."""

from contracts.generation.hosting import (
    Component,
    Deployed,
    Endpoint,
    EndpointConfig,
    Model,
    Variant,
    VariantState,
)
from services.generation.repository.hosting.rows import Record
from services.generation.service.hosting.moving import told


def model_of(one: Record) -> Model:
    return Model(
        name=one.name,
        container=one.spec["container"],
        shown=one.spec["shown"],
        created_at=one.created_at,
    )


def config_of(one: Record) -> EndpointConfig:
    return EndpointConfig(
        name=one.name,
        variants=one.spec["variants"],
        asynchronous=one.spec["asynchronous"],
        shown=one.spec["shown"],
        created_at=one.created_at,
    )


def component_of(one: Record, running: int) -> Component:
    return Component(
        name=one.name,
        endpoint=one.endpoint,
        variant=one.variant,
        status=one.status,
        reason=one.reason,
        deployed=Deployed.model_validate(one.spec["deployed"]),
        copies=one.spec["copies"],
        running=running,
        created_at=one.created_at,
        updated_at=one.updated_at,
    )


def endpoint_of(one: Record, running: dict[str, int]) -> Endpoint:
    """`running` copies by variant; a variant without a model of its own has what it asked for.

    While it is updated it is told as what still serves.
    """
    spec = told(one)
    parts = spec["parts"]
    return Endpoint(
        name=one.name,
        config=spec["config"],
        status=one.status,
        reason=one.reason,
        variants=[
            VariantState(
                name=variant.name,
                copies=variant.copies,
                running=running.get(variant.name, variant.copies),
                weight=variant.weight,
                image=parts[variant.name]["container"]["image"] if variant.name in parts else "",
                shown=variant.shown,
            )
            for variant in map(Variant.model_validate, spec["variants"])
        ],
        shown=spec["shown"],
        created_at=one.created_at,
        updated_at=one.updated_at,
    )
