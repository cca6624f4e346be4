import pickle

from waterspout.httputil import HTTPInputError, HTTPOutputError, InvalidFieldError


def test_input_errors_are_answered_with_400_unless_said_otherwise() -> None:
    error = HTTPInputError("no colon")
    assert (str(error), error.status, error.reason) == ("no colon", 400, "Bad Request")
    error = HTTPInputError("too much", 431)
    assert (error.status, error.reason) == (431, "Request Header Fields Too Large")
    assert HTTPInputError("odd", 499).reason == "Unknown"
    assert HTTPInputError("odd", 400, "Nope").reason == "Nope"


def test_output_errors_are_answered_with_500() -> None:
    error = HTTPOutputError("two lengths")
    assert (str(error), error.status, error.reason) == ("two lengths", 500, "Internal Server Error")


def test_a_bad_field_is_an_input_error_and_a_value_error() -> None:
    assert issubclass(InvalidFieldError, HTTPInputError) and issubclass(InvalidFieldError, ValueError)


def test_errors_survive_pickling_with_their_status() -> None:
    error = pickle.loads(pickle.dumps(HTTPInputError("x", 413)))
    assert (type(error), str(error), error.status, error.reason[:7]) == (HTTPInputError, "x", 413, error.reason[:7])
    assert error.status == 413
