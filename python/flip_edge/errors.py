"""Why a read did not work. Each has a stable code; none holds a value of a record."""


class FlipError(Exception):
    """Whatever went wrong here."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


class NotConfigured(FlipError):
    """FLIP_API_SOCKET or FLIP_API_TOKEN is not set."""


class NotReachable(FlipError):
    """No appliance answers at the socket."""


class BadToken(FlipError):
    """The token is unknown, expired or revoked."""


class CohortGone(FlipError):
    """The Trust has dropped the frozen cohort."""


class Busy(FlipError):
    """Other exports were under way all the time."""


class TimedOut(FlipError):
    """The appliance said nothing for longer than the client waits."""


class BrokenOff(FlipError):
    """The answer ended before it was whole."""


class WrongProject(FlipError):
    """The token opens a cohort of another project."""


class Refused(FlipError):
    """The appliance says no for another reason."""


def of_problem(status: int, problem: dict) -> FlipError:
    """The exception for a problem document."""
    code = str(problem.get("code", f"http_{status}"))
    message = str(problem.get("title", f"the appliance answered with status {status}"))
    if problem.get("detail"):
        message = f"{message} {problem['detail']}"
    kinds = {401: BadToken, 410: CohortGone}
    kind = Busy if code == "busy" else kinds.get(status, Refused)
    return kind(code, f"{message} ({code})")
