"""`python -m gateway`: the gateway as a process of its own."""

from gateway.settings import GatewaySettings
from gateway.standalone import Standalone
from kit.process import process, serve
from kit.settings import settings_of


def main() -> None:
    with process("gateway"):
        settings = settings_of(GatewaySettings)
        serve(Standalone(settings).app, settings.host, settings.port, settings.drain)


if __name__ == "__main__":
    main()
