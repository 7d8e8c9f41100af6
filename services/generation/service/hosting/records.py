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
from services.generation.repository.hosting.rows import Json, Record


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
    """`running` copies by variant; a variant without a model of its own has what it asked for."""
    variants = [Variant.model_validate(variant) for variant in one.spec["variants"]]
    return Endpoint(
        name=one.name,
        config=one.spec["config"],
        status=one.status,
        reason=one.reason,
        variants=[
            VariantState(
                name=variant.name,
                copies=variant.copies,
                running=running.get(variant.name, variant.copies),
                weight=variant.weight,
                image=one.spec["images"].get(variant.name, ""),
                shown=variant.shown,
            )
            for variant in variants
        ],
        shown=one.spec["shown"],
        created_at=one.created_at,
        updated_at=one.updated_at,
    )


def served_by(one: Record) -> Json | None:
    """What answers for a deployment now; None while nothing does."""
    serving: Json | None = one.state.get("serving")
    return serving
