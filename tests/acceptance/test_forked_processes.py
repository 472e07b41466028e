"""A forked process has the same state as one that was started."""

import os
from collections import Counter

import pytest

from tests.acceptance import kernels
from tests.acceptance.kernels import KINDS, Kernel, make_manager
from tests.conftest import until

pytestmark = pytest.mark.kernel

ENVIRON = {
    **{"TERM": "dumb", "PAGER": "less", "EMPTY": "", "TZ": "Asia/Tokyo"},
    **{
        "LONG": "x" * 100_000,
        "LINES": "a\nb",
        "NOT_UTF8": "\udcff\udcfe",
        "TMPDIR": "/var",
    },
    "JPY_SESSION_NAME": "/some/book.ipynb",
}
#: Of a connection file: what only a manager writes into it.
SOME = {"curve_publickey", "curve_secretkey", "jupyter_session", "kernel_name"}


@pytest.fixture(scope="module")
def twins(runtime, tmp_path_factory):
    """A forked and a plain kernel, started alike; the fork is not the first of its server."""
    folder = tmp_path_factory.mktemp("twins")
    environ = kernels.environ(**ENVIRON)
    environ.pop("PATH")  # The fork server has one.
    mask = os.umask(0o037)
    try:
        earlier = Kernel(make_manager("fork"))
        forked, plain = (
            Kernel(make_manager(kind), cwd=str(folder), env=environ) for kind in KINDS
        )
    finally:
        os.umask(mask)
    yield forked, plain
    for kernel in (earlier, forked, plain):
        kernel.close()


@pytest.mark.parametrize(
    "expression",
    [
        "dict(os.environ)",
        "{k: v for k, v in os.environb.items()}",
        "os.getcwd()",
        "sorted(subprocess.check_output(['/usr/bin/env', '-0']).split(b'\\0'))",
        "subprocess.check_output(['/bin/sh', '-c', 'pwd; umask'])",
        "os.umask(os.umask(0))",
        "os.umask(0o77) * 0 + os.umask(0o37)",
        "(sys.argv[0], sys.argv[1], len(sys.argv))",
        "sys.path",
        "tuple(sys.flags)",
        "sys._xoptions",
        "sys.warnoptions",
        "[str(f) for f in warnings.filters]",
        "(sys.executable, sys.prefix, sys.exec_prefix, sys.base_prefix)",
        "(sys.stdin.encoding, sys.stdout.encoding, sys.stderr.encoding)",
        "(sys.__stdout__.encoding, sys.__stdout__.errors, sys.__stderr__.errors)",
        "(sys.stdout.isatty(), sys.__stdout__.isatty(), sys.__stdin__.isatty())",
        "(sys.getrecursionlimit(), sys.getswitchinterval(), sys.getdlopenflags())",
        "(gc.isenabled(), gc.get_threshold())",
        "(locale.getlocale(), locale.getpreferredencoding(), os.fsencode('ä'))",
        "(time.tzname, time.localtime(0).tm_hour)",
        "tempfile.gettempdir()",
        "os.read(0, 10)",
        "(os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid())",
        "(os.getuid(), os.getgid(), os.getgroups(), os.nice(0))",
        "sorted(os.sched_getaffinity(0))",
        "[resource.getrlimit(n) for n in range(16)]",
        "[str(signal.getsignal(n)).split(' at ')[0] for n in signal.valid_signals()]",
        "signal.pthread_sigmask(signal.SIG_BLOCK, [])",
        "signal.set_wakeup_fd(-1) >= -1",
        "faulthandler.is_enabled()",
        "(__name__, sys.modules['__main__'].__dict__ is globals())",
        "sorted(n for n in globals() if not n.startswith('_i') and n != 'it')",
        "[str(x) for x in (_dh, __session__, get_ipython().starting_dir)]",
        "(In[0], Out, get_ipython().user_ns_hidden.keys() >= {'In', 'Out', 'exit'})",
        "str(get_ipython().history_manager.hist_file)",
        "sorted(get_ipython().extension_manager.loaded)",
        "sorted(t.name for t in threading.enumerate() if 'Thread-' not in t.name)",
        "(threading.current_thread() is threading.main_thread())",
        "threading.main_thread().ident == threading.get_ident()",
        "threading.main_thread().native_id == os.getpid()",
        "multiprocessing.current_process().name",
        "multiprocessing.parent_process()",
        "logging.getLogger().handlers",
        "str(sys.excepthook).split(' at ')[0].split(' object')[0]",
        "type(asyncio.get_running_loop()).__name__",
        "str(type(get_ipython())) + str(type(get_ipython().kernel))",
        "oct(os.stat(ipykernel.get_connection_file()).st_mode)",
        "sorted(json.load(open(ipykernel.get_connection_file())).keys() - SOME)",
        "os.path.exists(sys.argv[2])",
        # What the debugger leaves out. ipykernel 6 has no such lists.
        (
            "[os.__file__ in files and ipykernel.__file__ in files for files in "
            "[vars(get_ipython().kernel).get('_kernel_modules')] if files is not None]"
        ),
        "len(getattr(get_ipython().kernel.debugger, 'kernel_modules', [])) > 100",
        "[s.bsession == s.session.encode() for s in [get_ipython().kernel.session]]",
    ],
)  # fmt: skip
def test_a_forked_process_has_the_state_of_a_started_one(twins, expression):
    names = "os sys subprocess warnings gc locale time tempfile resource signal faulthandler"
    more_names = "threading multiprocessing logging asyncio ipykernel json"
    imports = f"import {', '.join((names + ' ' + more_names).split())}\nSOME = {SOME}"

    forked, plain = (twin.ask(expression, source=imports) for twin in twins)

    assert forked == plain


def test_it_has_no_file_that_a_plain_one_has_not_but_its_lifeline(twins):
    source = """
import os, re
def open_files():
    found = []
    for file in os.listdir("/proc/self/fd"):
        try:
            place = os.readlink(f"/proc/self/fd/{file}")
        except OSError:
            continue
        if int(file) > 2 and "sqlite" not in place:  # That comes and goes.
            found.append(re.sub(r":.*|[0-9]+", "", place))
    return sorted(found)
"""

    def additional():
        forked, plain = (Counter(t.ask("open_files()", source=source)) for t in twins)
        return forked - plain

    until(
        lambda: additional() == {"pipe": 1},
        description="its clients have all connected",
    )
