"""Mirrors the post on Falcon 2 in JumpStart: one endpoint, many kinds of prompts.

The endpoint writes its answers as TGI does, a list of one object; `return_full_text` says whether
the prompt stands before the answer.

    source .undercroft/client.env
    .venv/bin/python examples/falcon_prompts.py --model huggingface-llm-falcon2-11b
"""

from hosting import TGI, ask, chosen_model, console, endpoint, hosted_model
from rich.panel import Panel

TASKS = {
    "Text generation": (
        "Building a website can be done in 10 simple steps:",
        {"max_new_tokens": 80, "top_k": 10, "do_sample": True, "return_full_text": False},
    ),
    "Code generation": (
        "Write a function in Python to write a json file:",
        {"max_new_tokens": 100, "do_sample": True, "return_full_text": False},
    ),
    "Sentiment analysis": (
        'Tweet: "I am so excited for the weekend!"\nSentiment: Positive\n'
        'Tweet: "Why does traffic have to be so terrible?"\nSentiment: Negative\n'
        'Tweet: "I love spending time with my family."\nSentiment:',
        {"max_new_tokens": 2, "do_sample": True, "return_full_text": False},
    ),
    "Question answering": (
        "Respond to the question: How did railroads and steamships change global trade?",
        {"max_new_tokens": 60, "do_sample": True, "return_full_text": False},
    ),
    "Other languages": (
        "Usuario: Hola!\n Asistente:",
        {"max_new_tokens": 30, "top_p": 0.9, "temperature": 0.6, "return_full_text": True},
    ),
    "Mathematics": (
        "I bought an ice cream for 6 kids. Each cone was $1.25 and I paid with a $10 bill. How "
        "many dollars did I get back? Explain first before answering.",
        {"max_new_tokens": 60, "do_sample": True, "top_p": 0.9, "return_full_text": False},
    ),
}


def main() -> None:
    environment = {"HF_MODEL_ID": chosen_model("huggingface-llm-falcon2-11b")}
    hosted = hosted_model("falcon2-11b", environment, image=TGI)
    with hosted as model, endpoint("falcon", model) as name:
        for task, (prompt, parameters) in TASKS.items():
            (answer,) = ask(name, {"inputs": prompt, "parameters": parameters})
            text = answer["generated_text"]
            has_prompt = "with" if text.startswith(prompt) else "without"
            title = f"{task}, {has_prompt} its prompt"
            console.print(Panel(text.strip(), title=title, title_align="left"))


if __name__ == "__main__":
    main()
