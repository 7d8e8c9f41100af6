"""No adapter reaches a token that none was asked for, however many places there are for them."""

from tests.support.vllm import MATHS, require_vllm, run_in_the_engines_environment


def test_tokens_without_an_adapter_are_left_alone_by_all_of_them() -> None:
    require_vllm()
    run_in_the_engines_environment(MATHS)
