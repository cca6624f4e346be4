"""What can go wrong between this application and a provider."""


class AuthError(Exception):
    """A provider refused, or answered with something that is no answer.

    The text is for logs. It may repeat what the provider sent: escape it like any value before it is shown.
    """

    __module__ = "waterspout.auth"
