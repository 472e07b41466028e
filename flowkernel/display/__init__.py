"""What people see without a browser: trees, tables, the terminal."""
