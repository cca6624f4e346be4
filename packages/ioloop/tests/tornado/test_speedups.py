"""``tornado.speedups`` where the package that masks is not installed; where it is: integration/test_alias_names.py."""


def test_without_waterspout_http_it_is_missing_and_the_error_says_what_brings_it(programs):
    programs.aliased(
        """
        import sys
        sys.modules["waterspout.ws"] = None  # as if it were not installed
        try:
            import tornado.speedups
        except ModuleNotFoundError as error:
            assert error.name == "tornado.speedups" and "pip install waterspout-http" in str(error), error
        else:
            raise AssertionError("it is there")
        try:
            from tornado import speedups
        except ImportError:
            speedups = None
        assert speedups is None
        """
    )
