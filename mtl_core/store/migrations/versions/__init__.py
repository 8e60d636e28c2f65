"""The migrations, one file for each revision; they stay as they are."""
