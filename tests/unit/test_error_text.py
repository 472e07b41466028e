"""The sentence for an error, as kernels of many languages reply it."""

import pytest

from flowkernel.worker.notebook.error_text import (
    error_text,
    message_of,
    name_of,
    traceback_lines,
    with_published,
)

R = {"ename": "ERROR", "evalue": "Error in f(1): no sales\n", "traceback": []}
JULIA = {"ename": "UndefVarError", "evalue": "UndefVarError: `x` not defined"}
DENO = {"ename": "ReferenceError", "evalue": "x is not defined", "traceback": [""]}


def error(ename=None, evalue=None, **more):
    return {"status": "error", "ename": ename, "evalue": evalue, **more}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (error("ValueError", "no sales"), "ValueError: no sales"),
        (error("AssertionError", ""), "AssertionError"),
        (error("ValueError", "None"), "ValueError: None"),
        (error("", "1"), "the command ended with exit code 1"),
        (error("", 127), "the command ended with exit code 127"),
        (error("KeyError", "1"), "KeyError: 1"),
        (error("", "command not found"), "command not found"),
        (error("Error", "boom"), "Error: boom"),
        (error("Error", "(none)"), "Error"),
        (error("\x1b[31mOops\x1b[0m", "\x1b[1mred\x1b[0m"), "Oops: red"),
        (error(), "it failed, and its kernel gave no reason"),
        ({}, "it failed, and its kernel gave no reason"),
        (R, "Error in f(1): no sales"),
        (JULIA, "UndefVarError: `x` not defined"),
        (DENO, "ReferenceError: x is not defined"),
    ],
)
def test_an_error_of_any_kernel_is_a_sentence(content, text):
    assert error_text(content) == text


def test_an_error_without_a_name_or_message_has_texts_in_the_record():
    assert (name_of({}), message_of({})) == ("Error", "")
    assert (name_of(error(5, 6)), message_of(error(5, 6))) == ("5", "6")


@pytest.mark.parametrize(
    ("traceback", "lines"),
    [(None, []), ([], []), ("a\nb", ["a\nb"]), (["a", 1], ["a", "1"])],
)
def test_a_traceback_of_any_shape_is_lines(traceback, lines):
    assert traceback_lines({"traceback": traceback}) == lines


def test_the_error_that_people_see_is_the_one_that_was_published():
    reply = error("NoneType", "None", traceback=["NoneType: None"], execution_count=1)
    published = {"ename": "OSError", "evalue": "no file", "traceback": ["a"]}

    assert with_published(reply, published) == {**reply, **published}


def test_what_was_published_empty_does_not_replace_the_reply():
    reply = error("OSError", "no file", traceback=["a"])

    assert with_published(reply, {"ename": "", "evalue": "", "traceback": []}) == reply
    assert with_published(reply, None) == reply


def test_a_published_error_makes_no_failure():
    reply = {"status": "ok"}

    assert with_published(reply, {"ename": "OSError", "evalue": "shown"}) == reply
