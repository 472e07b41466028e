"""The file `token-key` of a home: the key of the tokens of its workers and executions."""

import secrets
from contextlib import suppress

from flowkernel.core.private_files import replace_private
from flowkernel.engine.callers import TokenKey
from flowkernel.home import Home, home_error

KEY_BYTES = 32  #: Of a key, exactly.


def load_key(home: Home) -> TokenKey:
    """The key of a home. One that is missing, or has another length, is made again.

    With a new key the tokens that were made before end: workers drop what they run, and it
    is run again.

    Raises:
        HomeNotWritable, DiskFull: It cannot be read or written.
    """
    try:
        with suppress(FileNotFoundError):
            secret = home.token_key.read_bytes()
            if len(secret) == KEY_BYTES:
                with suppress(PermissionError):  # It belongs to another user.
                    home.token_key.chmod(0o600)
                return TokenKey(secret)
        return _make_key(home)
    except OSError as error:
        raise home_error(home.path, error) from error


def _make_key(home: Home) -> TokenKey:
    """Write a new key, in one step. The caller has the lock of the home."""
    secret = secrets.token_bytes(KEY_BYTES)
    replace_private(home.token_key, secret, is_durable=True)
    return TokenKey(secret)
