"""Domains under which strangers register names: the patterns that most of the Public Suffix List follows.

The list itself changes weekly and is larger than this package. What is here errs on the side of refusing: a cookie
that is refused for a whole domain can still be set for a host.
"""

from __future__ import annotations

#: Second-level labels under which country registries register names (co.uk, com.au, ac.jp, gov.in, ...).
_SECOND_LEVEL = frozenset(
    "ac ad art asso av biz blog co com coop ed edu eng esp est firm fm fr gc gen go gob gouv gov gr gub govt gv "
    "idv ind inf info int isa iwi k12 kiwi law lg ltd maori me med mil mob mod muni name ne net nhs nic nom ngo od "
    "ong or org parti plc pol police pro pub res rnu sa sc sch school sci soc tel tm tur tv univ web".split()
)
#: Providers whose customers share a domain; each label path is a public suffix.
_PROVIDERS = frozenset(
    """
    amplifyapp.com appspot.com azureedge.net azurewebsites.net blogspot.com cloudapp.net cloudfront.net codeberg.page
    deno.dev duckdns.org dyndns.org elasticbeanstalk.com fastly.net firebaseapp.com fly.dev github.dev github.io
    githubusercontent.com gitlab.io glitch.me herokuapp.com herokussl.com myshopify.com netlify.app ngrok.app
    ngrok.io now.sh onrender.com pages.dev pythonanywhere.com railway.app readthedocs.io repl.co replit.app
    replit.dev run.app s3.amazonaws.com surge.sh translate.goog vercel.app vercel.dev web.app webflow.io wixsite.com
    workers.dev
    """.split()
)


def is_probably_public_suffix(domain: str) -> bool:
    """Whether *domain* (lower case) looks like such a one: ``com``, ``co.uk``, ``github.io``."""
    labels = domain.split(".")
    if len(labels) == 1 or domain in _PROVIDERS:
        return True
    if len(labels) == 2:
        return len(labels[1]) == 2 and labels[0] in _SECOND_LEVEL
    return domain.endswith(".amazonaws.com")
