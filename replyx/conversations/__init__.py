"""Dialogs, tickets and who takes part in them: what is said, by whom, how soon, and how it is found again."""
