"""Who the demo company is: its teams, accounts and places, as its providers write them."""

from __future__ import annotations

from dataclasses import dataclass

COMPANY = "Acme (DEMO)"
"""Name on every bill, so that nobody takes a demo figure for a real one."""

TEAMS = ("ml", "web", "data", "platform", "mobile", "research")
PROVIDERS = ("aws", "gcp", "azure")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A provider as its bill names itself and its customer.

    Attributes:
        key: `aws`, `gcp` or `azure`.
        name: ProviderName, also issuer of the invoice and publisher of its services.
        billing_account: BillingAccountId.
        billing_type: BillingAccountType.
        sub_type: SubAccountType.
    """

    key: str
    name: str
    billing_account: str
    billing_type: str
    sub_type: str


PROVIDER = {
    "aws": Provider(
        key="aws",
        name="AWS",
        billing_account="041122223344",  # a leading zero, as one account in ten has
        billing_type="Management Account",
        sub_type="Account",
    ),
    "gcp": Provider(
        key="gcp",
        name="Google Cloud",
        billing_account="01A2B3-C4D5E6-F7A8B9",
        billing_type="Billing Account",
        sub_type="Project",
    ),
    "azure": Provider(
        key="azure",
        name="Microsoft",
        billing_account="/providers/Microsoft.Billing/billingAccounts/70012345",
        billing_type="Billing Profile",
        sub_type="Subscription",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A sub account of a provider: AWS account, Google project or Azure subscription."""

    name: str
    provider: str
    id: str


def _account(provider: str, name: str, identifier: str) -> Account:
    return Account(name=name, provider=provider, id=identifier)


ACCOUNT = {
    f"{account.provider}:{account.name}": account
    for account in (
        _account("aws", "acme-web-prod", "210000000011"),
        _account("aws", "acme-web-dev", "210000000012"),
        _account("aws", "acme-ml-prod", "210000000021"),
        _account("aws", "acme-ml-dev", "210000000022"),
        _account("aws", "acme-data", "424200000031"),
        _account("aws", "acme-platform", "210000000041"),
        _account("aws", "acme-mobile", "210000000051"),
        _account("aws", "acme-sandbox", "210000000099"),
        _account("gcp", "acme-ml-train", "acme-ml-train-4711"),
        _account("gcp", "acme-data-lake", "acme-data-lake-4712"),
        _account("gcp", "acme-research", "acme-research-4713"),
        _account("azure", "acme-mobile", "/subscriptions/8f3b0c51-0d3e-4d57-9f0f-6a1c2b3d4e01"),
        _account("azure", "acme-corp", "/subscriptions/8f3b0c51-0d3e-4d57-9f0f-6a1c2b3d4e02"),
    )
}
"""Every sub account by `provider:name`."""

REGION = {
    "eu-central-1": "Europe (Frankfurt)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "europe-west4": "Netherlands",
    "westeurope": "West Europe",
}
"""Names of the regions in use."""
