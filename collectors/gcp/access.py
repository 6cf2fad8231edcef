"""Who costd is at Google, and what Google's errors mean; google-auth stays behind this door."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain.errors import ConfigError, CostdError, SourceError
from domain.text import printable, shortened

if TYPE_CHECKING:
    from config.secrets import Secret

PAGE = "docs/connect-gcp.md"

BIGQUERY = ("https://www.googleapis.com/auth/bigquery",)
"""Asking is running a job, which the read-only scope does not allow."""

BILLING = ("https://www.googleapis.com/auth/cloud-billing.readonly",)
"""Prices, projects and budgets, to read."""

_PERMISSION = re.compile(r"\b(?:bigquery|billing|resourcemanager|iam)\.[a-zA-Z]+(?:\.[a-zA-Z]+)+\b")
_ROLES = {
    "bigquery.jobs.create": "roles/bigquery.jobUser on the project that runs the queries",
    "bigquery.tables.get": "roles/bigquery.dataViewer on the dataset",
    "bigquery.tables.getData": "roles/bigquery.dataViewer on the dataset",
    "bigquery.tables.list": "roles/bigquery.dataViewer on the dataset",
    "bigquery.datasets.get": "roles/bigquery.dataViewer on the dataset",
    "billing.accounts.get": "roles/billing.viewer on the billing account",
    "billing.budgets.list": "roles/billing.viewer on the billing account",
    "billing.resourceAssociations.list": "roles/billing.viewer on the billing account",
    "resourcemanager.projects.get": "roles/browser on the project",
    "iam.serviceAccounts.getAccessToken": "roles/iam.serviceAccountTokenCreator on the service account",
}
_LOGIN = (
    "log in again (`gcloud auth application-default login`), or give this source a key with `credentials`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who costd is at Google.

    Attributes:
        key: a key as JSON; None takes what the machine is logged in as.
        impersonate: the service account to act as, "" for none.
    """

    key: Secret | None = None
    impersonate: str = ""

    def credentials(self, scopes: tuple[str, ...]) -> Any:
        """Give credentials for some scopes; nothing is sent before they are used.

        Raises:
            ConfigError: the key is none that can be used.
            SourceError: this machine is not logged in.
        """
        with translated("credentials of Google Cloud"):
            if self.key is not None:
                found = _of_key(json_of(self.key), scopes)
            else:
                import google.auth

                found, _ = google.auth.default(scopes=None if self.impersonate else list(scopes))
            if not self.impersonate:
                return found
            from google.auth import impersonated_credentials

            return impersonated_credentials.Credentials(  # type: ignore[no-untyped-call]  # google-auth has no types here
                source_credentials=found, target_principal=self.impersonate, target_scopes=list(scopes)
            )


def json_of(key: Secret) -> Mapping[str, Any]:
    """Read a key.

    Raises:
        ConfigError: it is no JSON object.
    """
    try:
        found = json.loads(key.reveal())
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise ConfigError(
            f"the key at {key} is no JSON object", hint=f"name the key file of a service account; see {PAGE}"
        )
    return found


def _of_key(info: Mapping[str, Any], scopes: tuple[str, ...]) -> Any:
    kind = info.get("type")
    try:
        if kind == "service_account":
            from google.oauth2.service_account import Credentials as Account

            return Account.from_service_account_info(info, scopes=list(scopes))  # type: ignore[no-untyped-call]  # google-auth has no types here
        if kind == "authorized_user":
            from google.oauth2.credentials import Credentials as User

            return User.from_authorized_user_info(info, scopes=list(scopes))  # type: ignore[no-untyped-call]  # google-auth has no types here
    except ValueError as error:
        raise ConfigError(
            "the key of Google Cloud lacks something", hint=f"make a new one; see {PAGE}"
        ) from error
    raise ConfigError(
        f"a key of type {shortened(str(kind), 40)!r} cannot be used here",
        hint="use the key file of a service account; other logins go by GOOGLE_APPLICATION_CREDENTIALS",
    )


def emulated(variable: str) -> bool:
    """Say whether an emulator stands in for Google, which wants no credentials."""
    return bool(os.environ.get(variable))


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Tell what Google's libraries raise as `SourceError`: what failed, on what, what to do.

    Raises:
        SourceError: something of Google's libraries was raised in the block.
    """
    from google.api_core import exceptions as api
    from google.auth import exceptions as auth

    try:
        yield
    except CostdError:
        raise
    except auth.RefreshError as error:
        raise SourceError(
            f"{subject}: the login has expired or was revoked: {_said(error)}", hint=_LOGIN
        ) from error
    except auth.DefaultCredentialsError as error:
        raise SourceError(f"{subject}: this machine is not logged in to Google Cloud", hint=_LOGIN) from error
    except auth.GoogleAuthError as error:
        raise SourceError(f"{subject}: {_said(error)}", hint=_LOGIN) from error
    except api.RetryError as error:
        cause = error.cause if error.cause is not None else error
        raise SourceError(f"{subject}: gave up trying again: {_said(cause)}", hint=_AGAIN) from error
    except api.GoogleAPICallError as error:
        raise _of_call(subject, error, api) from error
    except api.GoogleAPIError as error:
        raise SourceError(f"{subject}: {_said(error)}", hint=_AGAIN) from error
    except OSError as error:  # what the HTTP library raises is one
        raise SourceError(
            f"{subject}: Google cannot be reached: {_said(error)}", hint="check the network"
        ) from error


_AGAIN = "collect again later; what is stored stays"


def _of_call(subject: str, error: Any, api: Any) -> SourceError:
    said = _said(error)
    reasons = {str(one.get("reason")) for one in error.errors or () if isinstance(one, dict)}
    if isinstance(error, api.NotFound):
        return MissingError(f"{subject} does not exist, or costd may not know that it does: {said}")
    if reasons & {"quotaExceeded", "rateLimitExceeded"} or isinstance(error, api.TooManyRequests):
        return SourceError(f"{subject}: a quota is used up: {said}", hint=f"{_AGAIN}, or raise the quota")
    if isinstance(error, api.Forbidden):
        return _forbidden(subject, said)
    what, hint = "", _AGAIN
    if isinstance(error, api.Unauthorized):
        what, hint = "the login has expired or was revoked: ", _LOGIN
    elif "bytesBilledLimitExceeded" in reasons:
        hint = "raise `max_bytes_billed` of this source"
    elif isinstance(error, api.BadRequest):
        what, hint = "Google did not understand the question: ", "please report this"
    return SourceError(f"{subject}: {what}{said}", hint=hint)


def _forbidden(subject: str, said: str) -> SourceError:
    if "has not been used in project" in said or "is disabled" in said:
        return SourceError(f"{subject}: {said}", hint="enable that API in the project, as the message tells")
    found = _PERMISSION.search(said)
    role = _ROLES.get(found[0], "") if found else ""
    missing = f"; {found[0]} is missing" if found else ""
    return SourceError(
        f"{subject}: access denied{missing}: {said}",
        hint=f"grant {role}" if role else f"grant the roles that {PAGE} lists",
    )


class MissingError(SourceError):
    """What was asked for is not there."""


def _said(error: BaseException) -> str:
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    # The client puts the address it asked before, and lines about its job behind, which help nobody.
    said = re.sub(r"^(?:GET|POST) https?://\S+: ", "", str(text)).partition("\n\nLocation: ")[0]
    return printable(shortened(" ".join(said.split()), 300))
