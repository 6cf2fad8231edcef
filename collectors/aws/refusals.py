"""What an answer of AWS that says no means: which permission is missing, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from domain.errors import SourceError
from domain.text import printable, shortened

_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_SIGN_IN = {"UnauthorizedSSOTokenError", "SSOTokenLoadError", "SSOError", "LoginRefreshRequired"}
_WRONG_KEYS = {
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "UnrecognizedClientException"),
    *("InvalidClientTokenId", "InvalidToken", "InvalidSignatureException"),
}
_SLOW = {
    *("SlowDown", "Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded"),
    *("TooManyRequestsException", "LimitExceededException", "503", "ServiceUnavailable", "429"),
}
_ELSEWHERE = {
    *("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"),
    *("301", "307", "TemporaryRedirect", "400"),
}
_NETWORK = {
    "ResponseParserError",  # a proxy or a portal answered in AWS's stead
    *("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError"),
    *("SSLError", "ProxyConnectionError", "ResponseStreamingError", "IncompleteReadError"),
}
_FAMILIES = (
    (_EXPIRED, "the credentials have expired; renew them, or give costd a role, which renews itself"),
    (_SIGN_IN, "the sign-in of the profile has expired; run `aws sso login` for it"),
    (_WRONG_KEYS, "the access keys are wrong or were deleted; correct `profile` or the keys of this source"),
    (_SLOW, "AWS asks for fewer requests; costd tried several times and tries again at its next run"),
    (_NETWORK, "check the network, the proxy, `region` and `endpoint_url` of this source"),
)
_FIXES = {
    "NoSuchBucket": "correct `bucket` of this source",
    "InvalidObjectState": "restore the object from its archive storage class, or export the month again",
    "NoCredentialsError": "set `profile`, or run costd where AWS credentials are: a role, or AWS_PROFILE",
    "PartialCredentialsError": "set both keys, or neither and give costd a role",
    "ProfileNotFound": "correct `profile` of this source, or make it with `aws configure`",
    "RequestTimeTooSkewed": "set this machine's clock, e.g. by NTP: AWS refuses more than 15 minutes",
    "NoRegionError": "set `region` of this source",
    "DataUnavailableException": "open Cost Explorer once in the console; AWS needs up to a day to fill it",
}
_ACTION = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z*]+)", re.ASCII)
_REGION = re.compile(r"expecting '([a-z0-9-]+)'", re.ASCII)


class DeniedError(SourceError):
    """AWS does not allow a request; what it was for can do without, or not."""

    code = "access_denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked of AWS, in words for people.

    Attributes:
        what: what failed, e.g. `s3://acme/x cannot be listed`.
        permission: the permission that it takes.
        resource: the ARN that it is needed on.
        assumed: the role under which it was asked, "" if none.
    """

    what: str
    permission: str
    resource: str = "*"
    assumed: str = ""


def sdk_errors() -> tuple[type[Exception], ...]:
    """Give what the SDK raises: refusals, faults on the way, and answers that are not AWS's own."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    return BotoCoreError, ClientError, ResponseParserError


def code_of(error: Exception) -> str:
    """Name an error of the SDK as AWS does, safe to show."""
    response = getattr(error, "response", None) or {}
    code = response.get("Error", {}).get("Code")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")  # all that a proxy's answer has
    return printable(str(code or status or type(error).__name__))


def told(error: Exception, asked: Asked) -> SourceError:
    """Say what an error of the SDK means for what was asked."""
    code, message = code_of(error), _message(error)
    if code in _DENIED:
        return _denied(error, asked, message)
    return SourceError(f"{asked.what}: {code}", hint=_hint(code, error, message))


def _denied(error: Exception, asked: Asked, message: str) -> SourceError:
    """Name the missing permission: AWS often says which, and it may be another than was asked for."""
    named = _ACTION.search(message)
    permission = named[1] if named else asked.permission
    if getattr(error, "operation_name", "") == "AssumeRole":
        return DeniedError(
            f"{asked.what}: the role {asked.assumed} may not be assumed",
            hint=f"allow sts:AssumeRole on {asked.assumed} to who runs costd, and name them in the role's "
            "trust policy with the same external id as `external_id` of this source",
        )
    if permission.startswith("kms:"):
        return DeniedError(
            f"{asked.what}: {permission} is not allowed",
            hint=f"allow {permission} on the key that encrypts the bucket, in the policy of costd's role and "
            "in the key's own policy",
        )
    resource = asked.resource if permission == asked.permission else "*"
    hint = f"allow {permission} on {resource}"
    if permission == "s3:GetObject":
        hint += ", and kms:Decrypt on its key if the bucket is encrypted with a key of yours"
    if asked.assumed:
        hint += f", in the policy of {asked.assumed}"
    return DeniedError(f"{asked.what}: {permission} is not allowed", hint=hint)


def _hint(code: str, error: Exception, message: str) -> str:
    family = next((hint for codes, hint in _FAMILIES if code in codes), "")
    if family:
        return family
    if code.startswith("KMS."):
        return "the key that encrypts the bucket cannot be used; enable it, or export with another"
    if code in _ELSEWHERE and (region := _region(error, message)):
        return f"the bucket is in {region}; set `region: {region}`"
    return _FIXES.get(code, shortened(message, 200))


def _message(error: Exception) -> str:
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Message") or "")


def _region(error: Exception, message: str) -> str:
    """Give the region in which S3 says that the bucket is, "" if it does not say."""
    response = getattr(error, "response", None) or {}
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    expected = _REGION.search(message)
    found = headers.get("x-amz-bucket-region") or response.get("Error", {}).get("Region")
    return printable(str(found or (expected[1] if expected else "")))
