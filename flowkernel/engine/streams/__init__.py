"""What happens, for clients that follow it: as events, and as rows that changed."""
