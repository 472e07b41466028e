"""The process that runs executions, through papermill."""
