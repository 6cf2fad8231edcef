"""Logging in to a cluster, as kubectl does it or as the pod that this runs in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from collectors.kubernetes.access import Api, told
from collectors.kubernetes.settings import KubernetesSettings
from domain.errors import SourceError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, Configuration

_CONNECTIONS = 24
"""One per kind that is watched, and some for what is read besides."""


def connect(settings: KubernetesSettings) -> Api:
    """Log in as the settings say; nothing is asked of the cluster yet.

    Raises:
        SourceError: there is no such context, or nothing to log in with.
    """
    return Api(_client(settings), login=lambda: _client(settings))


def _client(settings: KubernetesSettings) -> ApiClient:
    import urllib3
    from kubernetes import client

    configuration = client.Configuration()
    configuration.connection_pool_maxsize = _CONNECTIONS
    # Waiting is ours, for Retry-After is honoured where it is seen; and a token goes to one host only.
    configuration.retries = urllib3.Retry(total=False, redirect=False)
    _log_in(settings, configuration)
    if not configuration.host.startswith(("https://", "http://")):
        raise _refused(settings, "its server is no http or https URL")
    return client.ApiClient(configuration)


def _log_in(settings: KubernetesSettings, configuration: Configuration) -> None:
    from kubernetes import config
    from kubernetes.config import kube_config

    try:
        if settings.context or settings.kubeconfig or not _in_pod():
            config.load_kube_config(  # type: ignore[no-untyped-call]  # its package has no types there
                config_file=str(settings.kubeconfig) if settings.kubeconfig else None,
                context=settings.context or None,
                client_configuration=configuration,
                persist_config=False,
            )
        else:
            config.load_incluster_config(  # type: ignore[no-untyped-call]  # its package has no types there
                client_configuration=configuration
            )
    except kube_config.yaml.YAMLError as error:  # type: ignore[attr-defined]  # the parser its package uses
        # Its text may quote the file, and with it a key.
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise _refused(settings, f"the kubeconfig is no YAML{where}") from None
    except (TypeError, KeyError, IndexError, AttributeError):
        raise _refused(settings, "the kubeconfig is not what kubectl writes") from None
    except (config.ConfigException, OSError, ValueError) as error:
        raise _refused(settings, told(error)) from error


def _refused(settings: KubernetesSettings, why: str) -> SourceError:
    return SourceError(
        f"no login for the cluster of source {settings.name}: {why}",
        hint="name a `context` of your kubeconfig (`kubectl config get-contexts`), or run in the cluster",
    )


def _in_pod() -> bool:
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST"))
