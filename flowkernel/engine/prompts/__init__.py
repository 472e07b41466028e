"""What people are asked about a failure, and what follows from their answer."""
