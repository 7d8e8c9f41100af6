"""Mirrors the post on LlamaIndex and Llama 2 Chat, with the released libraries as they are.

LangChain's SageMaker classes reach an embedding endpoint and a chat endpoint, LlamaIndex reads
documents, indexes them and asks through these, and a LangChain tool wraps its query engine. The
handlers are the post's own: JumpStart's payloads for GPT-J embeddings and for Llama 2 Chat.

    make frameworks
    source .undercroft/client.env
    .venv-examples/bin/python examples/llama_index_and_langchain.py
"""

import json
from typing import Any

from hosting import LMI, chosen_model, console, endpoint, hosted_model
from langchain_aws.llms import SagemakerEndpoint
from langchain_aws.llms.sagemaker_endpoint import LLMContentHandler
from langchain_community.embeddings import SagemakerEndpointEmbeddings
from langchain_community.embeddings.sagemaker_endpoint import EmbeddingsContentHandler
from langchain_core.tools import Tool
from llama_index.core import Settings, SimpleDirectoryReader, VectorStoreIndex
from llama_index.embeddings.langchain import LangchainEmbedding
from llama_index.llms.langchain import LangChainLLM
from rich.panel import Panel
from support import DATA

EMBEDDINGS = "huggingface-textembedding-gpt-j-6b-fp16"
REGION = "us-east-1"
SYSTEM = "You are a helpful assistant. Answer from the context that you are given."
QUESTION = "When was the first sensor chip launched?"


class EmbeddingHandler(EmbeddingsContentHandler):
    content_type = "application/json"
    accepts = "application/json"

    def transform_input(self, inputs: list[str], model_kwargs: dict[str, Any]) -> bytes:
        return json.dumps({"text_inputs": inputs, **model_kwargs}).encode()

    def transform_output(self, output: Any) -> list[list[float]]:
        return list(json.load(output)["embedding"])


class ChatHandler(LLMContentHandler):
    content_type = "application/json"
    accepts = "application/json"

    def transform_input(self, prompt: str, model_kwargs: dict[str, Any]) -> bytes:
        chat = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": prompt}]
        return json.dumps({"inputs": [chat], "parameters": model_kwargs}).encode()

    def transform_output(self, output: Any) -> str:
        return str(json.load(output)[0]["generation"]["content"])


def main() -> None:
    model = chosen_model("meta-textgeneration-llama-2-70b-f")
    hosted = hosted_model("llama-2", {"OPTION_MODEL_ID": model}, image=LMI)
    with hosted as made, endpoint("llama-2", made) as name:
        engine = query_engine(name)
        console.rule("LlamaIndex")
        answer = engine.query(QUESTION)
        for node in answer.source_nodes:
            file = node.metadata["file_name"]
            console.print(f"{node.score:.3f}  {file}: {' '.join(node.text.split())[:70]} ...")
        console.print(Panel(str(answer).strip(), title=QUESTION, title_align="left"))
        console.rule("As a tool of LangChain")
        letters = Tool(
            name="Letters",
            func=lambda question: str(engine.query(question)),
            description="useful letters to owners for answering relevant questions",
            return_direct=True,
        )
        console.print(f"{letters.name}: {str(letters.run(QUESTION)).strip()}")


def query_engine(endpoint_name: str) -> Any:
    embeddings = SagemakerEndpointEmbeddings(
        endpoint_name=EMBEDDINGS, region_name=REGION, content_handler=EmbeddingHandler()
    )
    dimensions = len(embeddings.embed_query("Hi! It's time for the beach"))
    llm = SagemakerEndpoint(
        endpoint_name=endpoint_name,
        region_name=REGION,
        model_kwargs={
            "max_new_tokens": 40,
            "top_p": 0.1,
            "temperature": 0.4,
            "return_full_text": False,
        },
        content_handler=ChatHandler(),
        endpoint_kwargs={"CustomAttributes": "accept_eula=true"},
    )
    Settings.embed_model = LangchainEmbedding(embeddings)
    Settings.llm = LangChainLLM(llm)
    documents = SimpleDirectoryReader(
        input_files=[DATA / "letters" / "letter_2021.md", DATA / "letters" / "letter_2022.txt"]
    ).load_data()
    console.print(f"{len(documents)} documents, embeddings of {dimensions} dimensions")
    return VectorStoreIndex.from_documents(documents).as_query_engine()


if __name__ == "__main__":
    main()
