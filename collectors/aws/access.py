"""Who costd is to AWS: keys, a profile or the SDK's own chain, and the role it takes on."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from collectors.aws.refusals import Asked, sdk_errors, told
from collectors.stores.endpoints import refuse_link_local
from config.secrets import Secret
from domain.errors import SourceError
from domain.probe import Health, Probe

BILLING_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-northwest-1"}
"""Where Cost Explorer and Data Exports answer, per partition; the others have neither."""

ROLE_ARN = re.compile(r"arn:(aws[a-z-]*):iam::(\d{12}):role/[A-Za-z0-9_+=,.@/-]+", re.ASCII)
_HOME = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws": "us-east-1"}
_REGION_OF = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How to reach AWS, as configured.

    Attributes:
        region: of the bucket, None for the SDK's own choice.
        endpoint_url: where every request goes, None for AWS itself.
        profile: of the shared configuration, None for the SDK's own chain.
        role_arn: the role to take on, None for none.
        external_id: what the role's trust policy asks for.
        keys: names of the SDK's arguments -> secret.
    """

    region: str | None = None
    endpoint_url: str | None = None
    profile: str | None = None
    role_arn: str | None = None
    external_id: str | Secret | None = None
    keys: tuple[tuple[str, Secret], ...] = ()


class Access:
    """Clients of AWS for one identity; the credentials of a role are renewed before they expire."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._clients: dict[str, Any] = {}

    @property
    def role(self) -> str:
        """Give the role that is taken on, "" if none."""
        return self._identity.role_arn or ""

    @property
    def partition(self) -> str:
        """Give the partition: commercial, China, GovCloud or another sovereign cloud."""
        match = ROLE_ARN.fullmatch(self.role)
        if match is not None:
            return match[1]
        region = self._region or ""
        return next((name for prefix, name in _REGION_OF if region.startswith(prefix)), "aws")

    @property
    def billing_region(self) -> str | None:
        """Give where Cost Explorer and Data Exports answer; None where the partition has neither."""
        return BILLING_REGIONS.get(self.partition)

    def client(self, service: str, region: str | None = None) -> Any:
        """Give the client of a service, in its region or the bucket's.

        Raises:
            SourceError: the profile is unknown, or there are no credentials.
        """
        name = f"{service} {region}"
        if name not in self._clients:
            with _named(self.role):
                self._clients[name] = self._session.client(
                    service, region_name=region or self._region or self._home, **self._options()
                )
        return self._clients[name]

    def account(self) -> str:
        """Give the account that costd asks as.

        Raises:
            SourceError: AWS does not say.
        """
        with _named(self.role):
            return str(self.client("sts", self._home).get_caller_identity()["Account"])

    def probe(self) -> list[Probe]:
        """Look who AWS says that costd is."""
        try:
            with _named(self.role):
                answer = self.client("sts", self._home).get_caller_identity()
        except SourceError as error:
            subject = f"sts:AssumeRole on {self.role}" if self.role else "AWS credentials"
            fix = error.hint or "check `profile` and the keys of this source"
            return [Probe(subject=subject, health=Health.FAIL, breaks=str(error), fix=fix)]
        return [Probe(subject=f"AWS knows costd as {answer['Arn']}", health=Health.OK)]

    @property
    def _region(self) -> str | None:
        return self._identity.region or self._base.region_name

    @property
    def _home(self) -> str | None:
        if self.partition in _HOME:
            return _HOME[self.partition]
        return self._identity.region

    def _options(self) -> dict[str, Any]:
        from botocore.config import Config

        refuse_link_local(self._identity.endpoint_url)
        retries = {"mode": "standard", "total_max_attempts": _ATTEMPTS}
        return {
            "endpoint_url": self._identity.endpoint_url,
            "config": Config(retries=retries, connect_timeout=10, read_timeout=60),
        }

    @cached_property
    def _base(self) -> Any:
        """Give the session of who runs costd."""
        import boto3

        identity = self._identity
        with _named(self.role):
            return boto3.session.Session(
                profile_name=identity.profile,
                region_name=identity.region,
                **{name: secret.reveal() for name, secret in identity.keys},
            )

    @cached_property
    def _session(self) -> Any:
        """Give the session under which everything is asked: of the role, where one is set."""
        if not self.role:
            return self._base
        import boto3
        import botocore.session
        from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

        source = self._base.get_credentials()
        if source is None:
            raise SourceError(
                f"the role {self.role} cannot be assumed: there are no AWS credentials to ask with",
                hint="set `profile`, or run costd where AWS credentials are: a role, or AWS_PROFILE",
            )
        asking: dict[str, Any] = {"RoleSessionName": "costd"}
        secret = self._identity.external_id
        if secret is not None:
            asking["ExternalId"] = secret.reveal() if isinstance(secret, Secret) else secret
        # A refusal is told once, in our words; the SDK would log it with a traceback as well.
        logging.getLogger("botocore.credentials").setLevel(logging.ERROR)
        fetcher = AssumeRoleCredentialFetcher(self._sts, source, self.role, extra_args=asking)
        core = botocore.session.Session()
        renewed = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
        core._credentials = renewed  # noqa: SLF001 -- the SDK has no public door for a role it has not in its files
        return boto3.session.Session(botocore_session=core, region_name=self._identity.region)

    def _sts(self, service: str, **keys: Any) -> Any:
        return self._base.client(service, region_name=self._home, **self._options(), **keys)


class _named:  # noqa: N801 -- reads as a word in `with`
    """Translates what the SDK raises about who asks."""

    def __init__(self, role: str) -> None:
        self._role = role

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Translate errors of the SDK."""
        if isinstance(error, sdk_errors()):
            asked = Asked(what="AWS cannot be asked", permission="sts:GetCallerIdentity", assumed=self._role)
            raise told(error, asked) from error
