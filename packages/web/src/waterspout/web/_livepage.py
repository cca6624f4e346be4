"""How an error page of ``waterspout dev`` finds out that it is out of date: it asks what the server is now.

Everything under ``waterspout dev`` answers `PROBE` with a field that names what it is: the start of an application, or
what keeps it from one. A page knows of what it tells; when the answer is another one, it goes.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Final

from waterspout.escape import xhtml_escape as e

__all__ = ["HEADER", "POLICY", "PROBE", "SCRIPT", "live_html"]

#: Answered by every application under ``waterspout dev``, without a line in the log.
PROBE: Final = "/.waterspout-dev"

#: What the answer to `PROBE`, and to anything while the application does not start, is of.
HEADER: Final = "X-Waterspout-Dev"

#: Asks once a second while somebody can see the page. An answer without the field tells nothing: a host that is refused
#: gets such. A server that starts again does not answer for a moment. Only what was asked by GET is asked again. The
#: origin is named, because a path may begin with "//".
SCRIPT: Final = """
const shown = document.currentScript.dataset.shown;
const state = document.getElementById("state"), changed = document.getElementById("changed");
const said = state.textContent;
async function look() {
  if (!document.hidden) {
    try {
      const answer = await fetch("@PROBE@", {method: "HEAD", cache: "no-store"});
      const now = answer.headers.get("@HEADER@");
      if (now !== null && now !== shown) {
        if (!changed) return location.replace(location.origin + location.pathname + location.search);
        state.hidden = true;
        changed.hidden = false;
        return;
      }
      state.textContent = said;
    } catch (error) {
      state.textContent = "The server is starting again.";
    }
  }
  setTimeout(look, 1000);
}
look();
""".replace("@HEADER@", HEADER).replace("@PROBE@", PROBE)

_SCRIPT_HASH = b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
#: For a page with this script: nothing else may run, and nothing else be asked than the server that it came from.
POLICY: Final = (
    f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_SCRIPT_HASH}'; connect-src 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)


def live_html(shown: str, said: str, *, repeats: bool = True) -> str:
    """What keeps a page up to date that is about *shown* (as `HEADER` has it); until then it says *said*.

    With *repeats* the address is opened again by GET, else the page says only that the code is another one.
    """
    changed = (
        "<p class=message id=changed hidden>The code has changed since. What was sent is not sent again by itself:"
        ' send it again where you did, or <a href="">open this address</a>.</p>'
    )
    return (
        f"<p class=quiet id=state>{e(said)}</p>{'' if repeats else changed}<script data-shown={shown}>{SCRIPT}</script>"
    )
