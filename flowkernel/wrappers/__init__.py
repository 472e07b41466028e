"""The wrappers that are shipped: each file is a flow that runs another one. Read, copy, change."""
