"""Beside ploomber-engine, whose engines papermill has by name: with our name it is recorded."""

import papermill
from common import printed, recorded, write_notebook

path = write_notebook()
for engine in ("embedded", "flowkernel"):
    output = f"{engine}.ipynb"
    parameters = {"day": "monday"}
    papermill.execute_notebook(path, output, parameters, engine_name=engine)
    assert printed(output) == "sales of monday\n", engine

assert recorded() == [("ENDED_SUCCESS", {"day": "monday"})], recorded()
