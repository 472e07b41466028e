"""What people are asked, wherever it is shown: forms, fields, and texts as values."""
