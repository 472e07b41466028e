"""The wrappers that are shipped: each is a flow that runs another one. Read, copy, change."""
