"""The shipped wrappers: each is a flow that runs another one. Read, copy, change them."""
