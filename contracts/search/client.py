"""The search service, as the other processes see it."""

from collections.abc import AsyncGenerator

from pydantic import TypeAdapter

from contracts.client import ServiceClient
from contracts.contract import Nothing
from contracts.search import embeddings as e
from contracts.search import ingestion as i
from contracts.search import knowledge_bases as k
from contracts.search import retrieval as r
from kit.auth.principal import Principal

_ANSWER_EVENT: TypeAdapter[r.AnswerEvent] = TypeAdapter(r.AnswerEvent)


class SearchClient(ServiceClient):
    """Each method is one use case of services/search, for one principal."""

    # Embeddings
    async def embed(self, who: Principal, ask: e.EmbedRequest) -> e.EmbedReply:
        return await self._call(who, "/embeddings", ask, e.EmbedReply)

    # Knowledge bases
    async def create_knowledge_base(
        self, who: Principal, ask: k.CreateKnowledgeBase
    ) -> k.KnowledgeBase:
        return await self._call(who, "/knowledge-bases/create", ask, k.KnowledgeBase)

    async def knowledge_base(self, who: Principal, id: str) -> k.KnowledgeBase:
        ask = k.KnowledgeBaseId(id=id)
        return await self._call(who, "/knowledge-bases/get", ask, k.KnowledgeBase)

    async def knowledge_bases(self, who: Principal, page: k.Page) -> k.KnowledgeBases:
        return await self._call(who, "/knowledge-bases/list", page, k.KnowledgeBases)

    async def update_knowledge_base(
        self, who: Principal, ask: k.UpdateKnowledgeBase
    ) -> k.KnowledgeBase:
        return await self._call(who, "/knowledge-bases/update", ask, k.KnowledgeBase)

    async def delete_knowledge_base(self, who: Principal, id: str) -> k.KnowledgeBase:
        ask = k.KnowledgeBaseId(id=id)
        return await self._call(who, "/knowledge-bases/delete", ask, k.KnowledgeBase)

    async def tags(self, who: Principal, ask: k.Tags) -> k.TagSet:
        return await self._call(who, "/tags", ask, k.TagSet)

    # Data sources
    async def create_data_source(self, who: Principal, ask: k.CreateDataSource) -> k.DataSource:
        return await self._call(who, "/data-sources/create", ask, k.DataSource)

    async def data_source(self, who: Principal, ask: k.DataSourceId) -> k.DataSource:
        return await self._call(who, "/data-sources/get", ask, k.DataSource)

    async def data_sources(self, who: Principal, ask: k.ListDataSources) -> k.DataSources:
        return await self._call(who, "/data-sources/list", ask, k.DataSources)

    async def update_data_source(self, who: Principal, ask: k.UpdateDataSource) -> k.DataSource:
        return await self._call(who, "/data-sources/update", ask, k.DataSource)

    async def delete_data_source(self, who: Principal, ask: k.DataSourceId) -> k.DataSource:
        return await self._call(who, "/data-sources/delete", ask, k.DataSource)

    # Ingestion
    async def start_ingestion(self, who: Principal, ask: i.StartIngestion) -> i.Ingestion:
        return await self._call(who, "/ingestions/start", ask, i.Ingestion)

    async def stop_ingestion(self, who: Principal, ask: i.IngestionId) -> i.Ingestion:
        return await self._call(who, "/ingestions/stop", ask, i.Ingestion)

    async def ingestion(self, who: Principal, ask: i.IngestionId) -> i.Ingestion:
        return await self._call(who, "/ingestions/get", ask, i.Ingestion)

    async def ingestions(self, who: Principal, ask: i.ListIngestions) -> i.Ingestions:
        return await self._call(who, "/ingestions/list", ask, i.Ingestions)

    async def put_documents(self, who: Principal, ask: i.PutDocuments) -> i.Documents:
        return await self._call(who, "/documents/put", ask, i.Documents)

    async def documents(self, who: Principal, ask: i.DocumentIds) -> i.Documents:
        return await self._call(who, "/documents/get", ask, i.Documents)

    async def list_documents(self, who: Principal, ask: i.ListDocuments) -> i.Documents:
        return await self._call(who, "/documents/list", ask, i.Documents)

    async def delete_documents(self, who: Principal, ask: i.DocumentIds) -> i.Documents:
        return await self._call(who, "/documents/delete", ask, i.Documents)

    # What the job runner asks
    async def plan(self, who: Principal, ask: i.PlanIngestion) -> i.IngestionPlan:
        return await self._call(who, "/ingestions/plan", ask, i.IngestionPlan)

    async def run_step(self, who: Principal, ask: i.RunStep) -> Nothing:
        return await self._call(who, "/ingestions/step", ask, Nothing)

    async def finish(self, who: Principal, ask: i.FinishIngestion) -> i.Statistics:
        return await self._call(who, "/ingestions/finish", ask, i.Statistics)

    async def remove(self, who: Principal, ask: i.RemoveResources) -> i.Removed:
        return await self._call(who, "/resources/remove", ask, i.Removed)

    # Questions
    async def retrieve(self, who: Principal, ask: r.RetrieveRequest) -> r.Passages:
        return await self._call(who, "/retrieve", ask, r.Passages)

    async def answer(self, who: Principal, ask: r.AnswerRequest) -> r.Answer:
        return await self._call(who, "/answer", ask, r.Answer)

    def answer_stream(
        self, who: Principal, ask: r.AnswerRequest
    ) -> AsyncGenerator[r.AnswerEvent, None]:
        return self._lines(who, "/answer/stream", ask, _ANSWER_EVENT)

    async def end_session(self, who: Principal, ask: r.SessionId) -> Nothing:
        return await self._call(who, "/sessions/end", ask, Nothing)
