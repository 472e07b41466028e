"""The process that carries out executions, through papermill."""
