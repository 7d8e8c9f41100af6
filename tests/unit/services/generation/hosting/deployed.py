"""What the tests of hosting deploy: models, endpoints and components of one tenant."""

from contracts.generation import hosting as h
from contracts.generation.invocations import FindTarget, Target
from tests.support.hosting import LLAMA, MISTRAL, WHO, Stage

ARCHIVE = "s3://models/adapters.tar.gz"


async def model(stage: Stage, name: str = "llama", **more: object) -> None:
    container = {"environment": {"OPTION_MODEL_ID": LLAMA}, "artifact": ARCHIVE, **more}
    ask = h.CreateModel(name=name, container=h.Container.model_validate(container))
    await stage.hosting.models.create_model(WHO, ask)


async def endpoint(stage: Stage, name: str = "front", **variant: object) -> None:
    ask = h.CreateEndpointConfig(
        name=name, variants=[h.Variant.model_validate({"name": "blue", **variant})]
    )
    await stage.hosting.models.create_config(WHO, ask)
    await stage.hosting.endpoints.create(WHO, h.PutEndpoint(name=name, config=name))
    await stage.settle()


async def component(
    stage: Stage, name: str = "chat", copies: int = 1, **deployed: object
) -> h.Component:
    ask = h.CreateComponent(
        name=name,
        endpoint="front",
        variant="blue",
        deployed=h.Deployed.model_validate(deployed or {"model": "llama"}),
        copies=copies,
    )
    await stage.hosting.components.create(WHO, ask)
    await stage.settle()
    return await stage.hosting.components.get(WHO, name)


async def target(stage: Stage, component: str = "", endpoint: str = "front") -> Target:
    ask = FindTarget(endpoint=endpoint, component=component)
    return (await stage.hosting.targets.find(WHO, ask)).one()


async def two_models(stage: Stage) -> None:
    """`llama`, whose archive has adapters, and `mistral`."""
    await model(stage)
    await model(stage, "mistral", environment={"OPTION_MODEL_ID": MISTRAL}, artifact="")


async def move(stage: Stage, *variants: h.Variant, config: str = "next") -> None:
    """The endpoint `front` to another configuration, as far as it comes."""
    ask = h.CreateEndpointConfig(name=config, variants=list(variants))
    await stage.hosting.models.create_config(WHO, ask)
    await stage.hosting.endpoints.update(WHO, h.PutEndpoint(name="front", config=config))
    await stage.settle()
