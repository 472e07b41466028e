"""nbmake tests notebooks as pytest does: in our kernels, which are ready at once."""

import subprocess
import sys

from common import printed, write_notebook

write_notebook()
command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbmake"]
options = ["--nbmake-kernel=flowkernel", "--overwrite"]
result = subprocess.run([*command, *options, "daily.ipynb"], text=True)

assert result.returncode == 0
assert printed("daily.ipynb") == "sales of today\n"
