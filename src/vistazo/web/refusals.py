"""What only the interface refuses; the library's own errors are in `errors.py`."""

from __future__ import annotations


class Refusal(Exception):
    """A request that is not answered; its text is one sentence for the caller."""

    status = 400
    code = "usage"


class ImageGone(Refusal):
    """The image of a key is not kept any more."""

    status = 410
    code = "image-gone"


class Forbidden(Refusal):
    """This needs the owner's token."""

    status = 403
    code = "forbidden"


class Busy(Refusal):
    """Too much is asked at once."""

    status = 503
    code = "busy"


class JobNotFound(Refusal):
    """No job has this id, or it was long ago."""

    status = 404
    code = "job-not-found"
