"""The smallest whole story: a bucket, a document, a knowledge base, an answer with its source.

source .undercroft/client.env
.venv/bin/python examples/first_answer.py
"""

import time

import boto3

s3, agent, runtime = map(boto3.client, ("s3", "bedrock-agent", "bedrock-agent-runtime"))
name, role = f"handbook-{time.time_ns()}", "arn:aws:iam::000000000000:role/any"
models = "arn:aws:bedrock:us-east-1::foundation-model/"

s3.create_bucket(Bucket=name)
s3.put_object(Bucket=name, Key="leave.txt", Body=b"Everyone has 26 days of paid leave a year.")
vectors = {"embeddingModelArn": models + "amazon.titan-embed-text-v1"}
kind = {"type": "VECTOR", "vectorKnowledgeBaseConfiguration": vectors}
base = agent.create_knowledge_base(name=name, roleArn=role, knowledgeBaseConfiguration=kind)
ids = {"knowledgeBaseId": base["knowledgeBase"]["knowledgeBaseId"]}
place = {"type": "S3", "s3Configuration": {"bucketArn": f"arn:aws:s3:::{name}"}}
source = agent.create_data_source(name=name, dataSourceConfiguration=place, **ids)["dataSource"]
job = agent.start_ingestion_job(dataSourceId=source["dataSourceId"], **ids)["ingestionJob"]
while job["status"] in ("STARTING", "IN_PROGRESS"):
    time.sleep(0.1)
    asked = {"dataSourceId": source["dataSourceId"], "ingestionJobId": job["ingestionJobId"]}
    job = agent.get_ingestion_job(**asked, **ids)["ingestionJob"]
answer = runtime.retrieve_and_generate(
    input={"text": "How many days of leave do I have?"},
    retrieveAndGenerateConfiguration={
        "type": "KNOWLEDGE_BASE",
        "knowledgeBaseConfiguration": {**ids, "modelArn": models + "anthropic.claude-v2"},
    },
)
cited = answer["citations"][0]["retrievedReferences"][0]["location"]["s3Location"]["uri"]
print(answer["output"]["text"], cited)
