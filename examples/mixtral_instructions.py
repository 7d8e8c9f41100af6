"""Mirrors the post on Mixtral 8x22B in JumpStart: prompts in the format of its instructions.

The format is made by hand, as the post does it, and sent to a JumpStart-like endpoint; then the
same messages go to Converse, where the model's own chat template makes it.

    source .undercroft/client.env
    .venv/bin/python examples/mixtral_instructions.py --model mistralai/Mixtral-8x22B-Instruct-v0.1
"""

import boto3
from hosting import TGI, ask, chosen_model, console, endpoint, hosted_model
from rich.panel import Panel

ARTICLE = (
    "Contextual compression - To address the issue of context overflow, you can use contextual "
    "compression to compress and filter the retrieved documents in alignment with the query."
)
TASKS = {
    "Summary": f"Summarize the following information in a short paragraph.\nArticle:\n{ARTICLE}",
    "Translation": "Translate into French, German and Spanish: Where is my order of headphones?",
    "Code": "Write a program on Dijkstra's algorithm using a priority queue in Python:",
    "Reasoning": "A car of $20,000 loses 2% of its worth each year. What is it worth after 7?",
}
TOKENS = 40


def format_instructions(instructions: list[dict[str, str]]) -> str:
    """Turns of user and assistant, a user's last: the post's own function, less its last `</s>`,
    which tells the model that the conversation is over."""
    prompt = []
    for user, answer in zip(instructions[::2], instructions[1::2], strict=False):
        prompt += ["<s>", "[INST] ", user["content"].strip(), " [/INST] "]
        prompt += [answer["content"].strip(), "</s>"]
    prompt += ["<s>", "[INST] ", instructions[-1]["content"].strip(), " [/INST] "]
    return "".join(prompt)


def main() -> None:
    model = chosen_model("huggingface-llm-mistralai-mixtral-8x22B-instruct-v0-1")
    hosted = hosted_model("mixtral-8x22b", {"HF_MODEL_ID": model}, image=TGI)
    with hosted as made, endpoint("mixtral-8x22b", made) as name:
        for task, instruction in TASKS.items():
            prompt = format_instructions([{"role": "user", "content": instruction}])
            parameters = {"max_new_tokens": TOKENS, "do_sample": True}
            (answer,) = ask(name, {"inputs": prompt, "parameters": parameters})
            text = answer["generated_text"].removeprefix(prompt)
            console.print(Panel(text.strip(), title=task, title_align="left"))
    show_converse(model)


def show_converse(model: str) -> None:
    console.rule("The same by Converse")
    answered = boto3.client("bedrock-runtime").converse(
        modelId=model,
        messages=[{"role": "user", "content": [{"text": TASKS["Translation"]}]}],
        inferenceConfig={"maxTokens": TOKENS},
    )
    console.print(answered["output"]["message"]["content"][0]["text"].strip())
    usage = answered["usage"]
    console.print(f"{usage['inputTokens']} tokens in, {usage['outputTokens']} out")


if __name__ == "__main__":
    main()
