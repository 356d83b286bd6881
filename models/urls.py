"""URLs as they may be shown: without what may be secret in them.

A URL can hold a password before its host, and a token or a signature after its path.
"""

import re

_USER = re.compile(r"(?<=://)[^/\s'\"]*@")
_QUERY = re.compile(r"(://[^\s?]*)\?\S*|(?<=[\w/.-])\?[^\s?=]*=\S*")


def public_name(place: str) -> str:
    """A path or URL without user, password and query; a local path as it is.

    >>> public_name("s3://key:se@cret@bucket/a.parquet?token=1"), public_name("what?.jsonl")
    ('s3://bucket/a.parquet', 'what?.jsonl')
    """
    if "://" not in place or place.startswith("file://"):
        return place
    return _USER.sub("", place.partition("?")[0])


def without_secrets(text: str) -> str:
    """A message of somebody else's code, whose URLs are cut likewise, up to the next space.

    >>> without_secrets("404, url='http://me:pass@host/a?sig=b,c', or is it /a?sig=b")
    "404, url='http://host/a or is it /a"
    """
    return _QUERY.sub(lambda found: found[1] or "", _USER.sub("", text))


def describe(error: BaseException) -> str:
    """The first line of an error's message, or its kind, without secrets."""
    return without_secrets((str(error) or type(error).__name__).splitlines()[0])
