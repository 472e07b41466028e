"""Tokens: each says whose it is, and none can be made without the key of the home."""

import stat

from hypothesis import assume, given
from hypothesis import strategies as st

from flowkernel.core.clock import new_id
from flowkernel.engine.callers import (
    ExecutionCaller,
    PersonCaller,
    TokenKey,
    Tokens,
    WorkerCaller,
)
from flowkernel.engine.token_file import load_key
from flowkernel.home import Home

KEY = TokenKey(b"k" * 32)
TOKENS = Tokens("the-token-of-ada", "ada", KEY)

ids = st.text("0123456789abcdef-.", min_size=1, max_size=40)
callers = st.one_of(
    ids.map(WorkerCaller),
    st.builds(ExecutionCaller, ids, st.integers(1, 999_999_999)),
)


@given(callers)
def test_a_token_says_whose_it_is(caller):
    assert KEY.verify(KEY.issue(caller)) == caller


@given(callers, st.binary(min_size=32, max_size=32))
def test_a_token_of_another_home_is_nobodys(caller, secret):
    assume(secret != KEY.secret)

    assert KEY.verify(TokenKey(secret).issue(caller)) is None


@given(callers, st.data())
def test_a_token_with_another_character_is_nobodys(caller, data):
    token = KEY.issue(caller)
    place = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.characters())
    assume(character != token[place])

    assert KEY.verify(token[:place] + character + token[place + 1 :]) is None


@given(callers, st.text(min_size=1, max_size=3))
def test_a_longer_token_is_nobodys(caller, text):
    token = KEY.issue(caller)

    assert KEY.verify(token + text) is None
    assert KEY.verify(text + token) is None


@given(callers, st.integers(1, 80))
def test_a_shorter_token_is_nobodys(caller, count):
    assert KEY.verify(KEY.issue(caller)[:-count]) is None


@given(st.text(max_size=200))
def test_any_text_is_nobodys_token(text):
    assume(text != TOKENS.person)

    assert TOKENS.caller_of(text) is None
    assert KEY.verify(f"fkx_{text}") is None
    assert KEY.verify(f"fkw_{text}") is None


@given(callers, callers)
def test_two_callers_have_two_tokens(one, two):
    assert (KEY.issue(one) == KEY.issue(two)) == (one == two)


def test_the_token_of_a_person_is_that_of_the_engine():
    assert TOKENS.caller_of("the-token-of-ada") == PersonCaller("ada")


def test_a_person_can_say_who_they_are_and_nobody_else_can():
    execution = ExecutionCaller(new_id(), 1)

    assert PersonCaller("ada").actor() == "ada"
    assert PersonCaller("ada").actor("bob (notebook)") == "bob (notebook)"
    assert execution.actor("bob") == f"execution {execution.execution_id}"
    assert WorkerCaller("worker-1").actor("bob") == "worker-1"


def test_no_secret_is_in_a_text_about_the_tokens():
    assert "the-token-of-ada" not in repr(TOKENS)
    assert "kkk" not in repr(TOKENS)


def test_the_next_engine_of_a_home_knows_the_tokens(tmp_path):
    caller = ExecutionCaller(new_id(), 2)

    token = load_key(Home(tmp_path)).issue(caller)

    assert load_key(Home(tmp_path)).verify(token) == caller


def test_only_the_owner_of_a_home_can_read_its_key(tmp_path):
    load_key(Home(tmp_path))
    Home(tmp_path).token_key.chmod(0o644)

    load_key(Home(tmp_path))

    assert stat.S_IMODE(Home(tmp_path).token_key.stat().st_mode) == 0o600


def test_a_key_that_is_cut_is_made_again_and_the_tokens_before_end(tmp_path):
    home, caller = Home(tmp_path), WorkerCaller("worker-1")
    token = load_key(home).issue(caller)

    for content in (b"", home.token_key.read_bytes()[:-1]):
        home.token_key.write_bytes(content)
        key = load_key(home)

        assert key.verify(token) is None
        assert load_key(home).verify(key.issue(caller)) == caller
