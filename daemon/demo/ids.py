"""Resource ids as the providers write them."""

from __future__ import annotations

from daemon.demo import dice
from daemon.demo.entities import Entity

_AWS = {
    "ec2": "i-0{hex}",
    "ebs": "vol-0{hex}",
    "vpc": "arn:aws:ec2:{region}:{account}:natgateway/nat-0{hex}",
    "elb": "arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/{short}/{hex}",
    "cloudfront": "arn:aws:cloudfront::{account}:distribution/E{HEX}",
    "route53": "arn:aws:route53:::hostedzone/Z{HEX}",
    "eks": "arn:aws:eks:{region}:{account}:cluster/{short}",
    "fargate": "arn:aws:eks:{region}:{account}:pod/{name}/{uid}",
    "lambda": "arn:aws:lambda:{region}:{account}:function:{short}",
    "rds": "arn:aws:rds:{region}:{account}:db:{short}",
    "dynamodb": "arn:aws:dynamodb:{region}:{account}:table/{short}",
    "elasticache": "arn:aws:elasticache:{region}:{account}:cluster:{short}",
    "redshift": "arn:aws:redshift:{region}:{account}:cluster:{short}",
    "msk": "arn:aws:kafka:{region}:{account}:cluster/{short}/{uid}",
    "sqs": "arn:aws:sqs:{region}:{account}:{short}",
    "s3": "acme-{short}",
    "cloudwatch": "arn:aws:logs:{region}:{account}:log-group:/acme/{short}",
    "bedrock": "arn:aws:bedrock:{region}:{account}:application-inference-profile/{hex}",
    "sagemaker": "arn:aws:sagemaker:{region}:{account}:endpoint/{short}",
    "glue": "arn:aws:glue:{region}:{account}:job/{short}",
    "opensearch": "arn:aws:es:{region}:{account}:domain/{short}",
    "secrets": "arn:aws:secretsmanager:{region}:{account}:secret:{short}",
    "guardduty": "arn:aws:guardduty:{region}:{account}:detector/{hex}",
}

_GCP = {
    "gce": "//compute.googleapis.com/projects/{account}/zones/{zone}/instances/{number}",
    "gke": "//container.googleapis.com/projects/{account}/locations/{zone}/clusters/{short}",
    "bigquery": "//bigquery.googleapis.com/projects/{account}/datasets/{short}",
    "gcs": "//storage.googleapis.com/projects/_/buckets/acme-{short}",
    "dataflow": "//dataflow.googleapis.com/projects/{account}/locations/{region}/jobs/{short}",
    "cloudsql": "//cloudsql.googleapis.com/projects/{account}/instances/{short}",
    "vertex": "//aiplatform.googleapis.com/projects/{account}/locations/{region}/endpoints/{number}",
    "logging": "//logging.googleapis.com/projects/{account}/locations/{region}/buckets/{short}",
    "run": "//run.googleapis.com/projects/{account}/locations/{region}/services/{short}",
    "pubsub": "//pubsub.googleapis.com/projects/{account}/topics/{short}",
}

# Azure writes ids in lower case in its exports, whatever the portal shows.
_AZURE = {
    "vm": "microsoft.compute/virtualmachines/{short}",
    "disks": "microsoft.compute/disks/{short}-disk",
    "blob": "microsoft.storage/storageaccounts/{flat}",
    "bandwidth": "microsoft.storage/storageaccounts/{flat}",
    "sqldb": "microsoft.sql/servers/acme/databases/{short}",
    "cosmos": "microsoft.documentdb/databaseaccounts/{short}",
    "app": "microsoft.web/serverfarms/{short}",
    "openai": "microsoft.cognitiveservices/accounts/{short}",
    "monitor": "microsoft.operationalinsights/workspaces/{short}",
    "keyvault": "microsoft.keyvault/vaults/{short}",
    "push": "microsoft.notificationhubs/namespaces/{short}",
    "entra": "microsoft.aadiam/tenants/acme",
}

_SPECIAL = {
    "ebs.snapshot": "arn:aws:ec2:{region}::snapshot/snap-0{hex}",
    "vpc.ip": "arn:aws:ec2:{region}:{account}:elastic-ip/eipalloc-0{hex}",
    "gce.pd": "//compute.googleapis.com/projects/{account}/zones/{zone}/disks/{short}",
    "gce.snapshot": "//compute.googleapis.com/projects/{account}/global/snapshots/{short}",
    "disks.snapshot": "microsoft.compute/snapshots/{short}",
    "eks.cluster": "arn:aws:eks:{region}:{account}:cluster/{short}",
}

_TEMPLATES = {"aws": _AWS, "gcp": _GCP, "azure": _AZURE}


def zone(entity: Entity) -> str | None:
    """Name the zone an entity is in; None where the provider's bill does not say."""
    letter = "abc"[dice.number("zone", entity.name) % 3]
    match entity.provider:
        case "aws":
            return f"{entity.region}{letter}"
        case "gcp":
            return f"{entity.region}-{letter}"
        case _:
            return None


def resource_id(entity: Entity, sku: str, service: str) -> str | None:
    """Give the id under which a provider bills a SKU of an entity; None where it names none."""
    template = _SPECIAL.get(sku) or _TEMPLATES[entity.provider].get(service)
    if template is None:
        return None
    number = dice.number("id", entity.name, service)
    short = entity.name.rpartition("/")[2]
    if short in {"pods", "db", "lb", "volume"}:  # parts of an environment are named after it
        short = entity.name.split("/", 1)[1].replace("/", "-")
    text = template.format(
        hex=f"{number:016x}",
        HEX=f"{number:016X}"[:13],
        number=number % 10**18 + 10**18,
        name=entity.name.removesuffix("/pods") + "/app",
        short=short,
        flat=short.replace("-", ""),
        uid=entity.uid,
        account=entity.home.id,
        region=entity.region,
        zone=zone(entity),
    )
    if entity.provider != "azure":
        return text
    group = f"rg-{entity.account.partition(':')[2]}"
    return f"{entity.home.id}/resourcegroups/{group}/providers/{text}"
