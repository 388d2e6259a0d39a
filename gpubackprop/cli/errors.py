"""The error that a user can cure."""


class UserError(Exception):
    """What went wrong and what would be right, in a line or two; ends the command."""
