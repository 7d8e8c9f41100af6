"""Any order of changes, syncs and crashes, against a model of what must be found."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kit.errors import Unavailable
from tests.unit.services.search.service.brittle import Brittle, Died
from tests.unit.services.search.service.world import Corpus, World, open_world

KEYS = st.sampled_from(["a.txt", "b.md", "dir/c.txt"])
TEXTS = st.sampled_from(["Apples are red.", "Pears are green.", "Plums are blue.", ""])
TAGS = st.sampled_from(["one", "two"])


class Syncs(RuleBasedStateMachine):
    """`files` is the bucket, `found` what the last sync to finish made of it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.files: dict[str, tuple[str, str | None]] = {}
        self.found: dict[str, tuple[str, str | None]] = {}
        self.job: str | None = None

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    @initialize()
    def open(self) -> None:
        self.world: World = self.do(self.stack.enter_async_context(open_world(self.folder)))
        self.corpus: Corpus = self.do(self.world.corpus())

    @rule(key=KEYS, text=TEXTS)
    def put(self, key: str, text: str) -> None:
        self.corpus.put(key, text)
        self.files[key] = (text, self.files.get(key, ("", None))[1])

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        for name in (key, f"{key}.metadata.json"):
            self.corpus.files.pop(name, None)
        self.files.pop(key, None)

    @rule(key=KEYS, tag=st.none() | TAGS | st.just("bad"))
    def describe(self, key: str, tag: str | None) -> None:
        if key not in self.files:
            return
        if tag is None:
            self.corpus.files.pop(f"{key}.metadata.json", None)
        elif tag == "bad":
            self.corpus.files[f"{key}.metadata.json"] = b"["
        else:
            self.corpus.describe(key, tag=tag)
        self.files[key] = (self.files[key][0], tag)

    @rule(border=st.integers(0, 40), dies=st.booleans())
    def break_off(self, border: int, dies: bool) -> None:
        """A sync, new or resumed, that ends early unless it has fewer borders."""
        job = self.job or self.do(self.corpus.start()).job
        with Brittle(self.world, dies=dies).breaking(border), suppress(Died, Unavailable):
            self.do(self.world.run(job))
        self.job = job if job in self.world.jobs_in("queued", "running") else None
        if self.job is None:
            self.look()

    @precondition(lambda self: self.job is not None)
    @rule()
    def resume(self) -> None:
        assert self.job is not None
        self.do(self.world.run(self.job))
        self.job = None
        self.look()

    @rule()
    def sync(self) -> None:
        if self.job is None:
            self.do(self.corpus.sync())
            self.look()

    def look(self) -> None:
        """After a sync has finished: exactly what the bucket holds, as far as it can be read."""
        for key, (text, tag) in self.files.items():
            if tag != "bad" and text:
                self.found[key] = (text, tag)
            elif tag != "bad":
                self.found.pop(key, None)
        for key in set(self.found) - set(self.files):
            del self.found[key]
        got = {
            one.document.removeprefix(self.corpus.uri("")): (one.text, one.metadata.get("tag"))
            for one in self.do(self.corpus.retrieve("fruit"))
        }
        assert got == self.found
        for tag in ("one", "two"):
            filter_ = {"equals": {"key": "tag", "value": tag}}
            tagged = self.do(self.corpus.texts(filter=filter_))
            assert tagged == {text for text, mine in self.found.values() if mine == tag}
        self.do(self.corpus.ends_clean())

    @invariant()
    def nothing_is_found_that_no_version_said(self) -> None:
        if hasattr(self, "corpus"):
            known = {"Apples are red.", "Pears are green.", "Plums are blue."}
            assert self.do(self.corpus.texts()) <= known

    def teardown(self) -> None:
        self.do(self.stack.aclose())
        self.loop.close()
        shutil.rmtree(self.folder)


Syncs.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=14,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestSyncs = Syncs.TestCase
