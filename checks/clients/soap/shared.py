"""What the Python clients have in common: signing and reporting."""

import hashlib
import hmac
from datetime import datetime, timezone

_failures = []


def signed(key):
    """The members of an AuthenticationHeader, signed now."""
    timestamp = datetime.now(timezone.utc).isoformat(timespec="seconds")
    signature = hmac.new(key.encode(), f"{timestamp}sandbox".encode(), hashlib.sha1).hexdigest()
    return {"mktowsUserId": "sandbox", "requestSignature": signature, "requestTimestamp": timestamp}


def check(client, what, expected, work):
    try:
        got = work()
    except Exception as error:  # whatever it is, the case has failed
        got = error
    good = got == expected
    print(f"{client}: {'ok' if good else 'FAILED'} - {what}")
    if not good:
        _failures.append(what)
        print(f"  expected {expected!r}, got {got!r}")


def failures():
    return _failures
