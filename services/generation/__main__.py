"""`python -m services.generation`: the generation service as a process of its own."""

from kit.auth.internal import InternalTrust
from kit.auth.keyring import Keyring
from kit.process import process, serve
from kit.settings import settings_of
from services.generation.app import create_app
from services.generation.settings import GenerationProcessSettings


def main() -> None:
    with process("generation"):
        settings = settings_of(GenerationProcessSettings)
        trust = InternalTrust(Keyring.load(settings.master_key_file).internal)
        serve(create_app(settings, trust=trust), settings.host, settings.port, settings.drain)


if __name__ == "__main__":
    main()
