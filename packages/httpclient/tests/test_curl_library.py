"""The client on libcurl where libcurl is not."""

import subprocess
import sys


def test_missing_pycurl_is_said_with_the_extra_that_brings_it_by_an_error_that_names_it():
    # Who can do without catches ModuleNotFoundError and looks at its name: pytest.importorskip, the alias for Tornado.
    code = """
import sys
sys.modules["pycurl"] = None
try:
    import waterspout.curl_httpclient
except ModuleNotFoundError as error:
    print(error.name, "waterspout-httpclient[curl]" in str(error))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout == "pycurl True\n"
