"""The routes, by noun: each reads the request, calls the engine, responds.

Those of `execution` are in three modules: `executions` reads and changes one,
`execution_actions` has the actions, `execution_prompts` what concerns people.
"""
