"""`import flow_api`: what a flow's source imports. It is `flowkernel.flow_api`."""

import sys

from flowkernel import flow_api

flow_api.warn_if_outside()
sys.modules[__name__] = flow_api
