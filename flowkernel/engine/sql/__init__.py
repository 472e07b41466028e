"""Questions in SQL: their turn, their deadline, and the process that answers them."""
