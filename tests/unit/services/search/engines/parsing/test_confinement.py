import json
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[6]
_PROBE = """
import json, os, resource, signal, socket, sys
sys.path.insert(0, sys.argv[1])
from services.search.engines.parsing.confinement import forbid_system_calls, set_limits
from services.search.engines.parsing.limits import ParsingLimits

def outcome(attempt):
    try:
        attempt()
    except ValueError:  # what setrlimit makes of EPERM
        return "PermissionError"
    except (OSError, MemoryError) as error:
        return type(error).__name__
    return "done"

set_limits(ParsingLimits())
before = {"open": outcome(lambda: os.open("/etc/passwd", os.O_RDONLY))}
forbid_system_calls()
after = {
    "open": outcome(lambda: os.open("/etc/passwd", os.O_RDONLY)),
    "list": outcome(lambda: os.listdir("/")),
    "unlink": outcome(lambda: os.unlink("/tmp/nothing")),
    "socket": outcome(lambda: socket.socket(socket.AF_INET)),
    "fork": outcome(os.fork),
    "execute": outcome(lambda: os.execv("/bin/true", ["true"])),
    "signal": outcome(lambda: os.kill(os.getppid(), signal.SIGTERM)),
    "raise the limit": outcome(lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1))),
    "memory": outcome(lambda: bytearray(600 * 1024 * 1024)),
    "some memory": outcome(lambda: bytearray(100 * 1024 * 1024)),
}
os.write(1, json.dumps([before, after]).encode())
os._exit(0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the system call filter is Linux's")
def test_a_confined_process_reaches_nothing_but_its_memory() -> None:
    ended = subprocess.run(
        [sys.executable, "-I", "-c", _PROBE, str(_ROOT)], stdout=subprocess.PIPE, check=True
    )
    before, after = json.loads(ended.stdout)
    assert before == {"open": "done"}
    assert after.pop("some memory") == "done"
    assert after.pop("memory") == "MemoryError"
    assert set(after.values()) == {"PermissionError"}, after
