"""Google's billing services over gRPC: catalogue, projects and budgets, for the real clients.

Methods that it does not know answer UNIMPLEMENTED, as every gRPC server does; so would one that changes
something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.cloud.billing.budgets_v1.types import budget_model, budget_service
from google.cloud.billing_v1.types import cloud_billing, cloud_catalog

_PAGE = 2


@dataclass(kw_only=True)
class CloudBilling:
    """What the server holds, and which methods were called."""

    skus: dict[str, list[cloud_catalog.Sku]] = field(default_factory=dict)
    services: dict[str, str] = field(default_factory=dict)
    projects: dict[str, cloud_billing.ProjectBillingInfo] = field(default_factory=dict)
    budgets: list[budget_model.Budget] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    refusal: tuple[grpc.StatusCode, str] | None = None
    address: str = ""

    def list_skus(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Give a page of the SKUs of a service."""
        service = request.parent.removeprefix("services/")
        if service not in self.skus:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        page, token = _paged(self.skus[service], request)
        return cloud_catalog.ListSkusResponse(skus=page, next_page_token=token)

    def list_services(self, request: Any, _: grpc.ServicerContext) -> Any:
        """Give a page of the services."""
        every = [
            cloud_catalog.Service(name=f"services/{key}", service_id=key, display_name=name)
            for key, name in self.services.items()
        ]
        page, token = _paged(every, request)
        return cloud_catalog.ListServicesResponse(services=page, next_page_token=token)

    def list_projects(self, request: Any, _: grpc.ServicerContext) -> Any:
        """Give a page of the projects of an account."""
        mine = [one for one in self.projects.values() if one.billing_account_name == request.name]
        page, token = _paged(mine, request)
        return cloud_billing.ListProjectBillingInfoResponse(project_billing_info=page, next_page_token=token)

    def get_project(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Give who pays for a project."""
        if request.name not in self.projects:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such project")
        return self.projects[request.name]

    def list_budgets(self, request: Any, _: grpc.ServicerContext) -> Any:
        """Give a page of the budgets."""
        page, token = _paged(self.budgets, request)
        return budget_service.ListBudgetsResponse(budgets=page, next_page_token=token)


def _paged(every: list[Any], request: Any) -> tuple[list[Any], str]:
    start = int(request.page_token or 0)
    end = start + _PAGE  # whatever is asked for: a server may give fewer
    return every[start:end], str(end) if end < len(every) else ""


class _Handler(grpc.GenericRpcHandler):
    """Finds what answers a method."""

    def __init__(self, billing: CloudBilling) -> None:
        self._billing = billing
        self._methods: dict[str, tuple[Callable[..., Any], Any, Any]] = {
            "/google.cloud.billing.v1.CloudCatalog/ListSkus": (
                billing.list_skus, cloud_catalog.ListSkusRequest, cloud_catalog.ListSkusResponse),
            "/google.cloud.billing.v1.CloudCatalog/ListServices": (
                billing.list_services, cloud_catalog.ListServicesRequest, cloud_catalog.ListServicesResponse),
            "/google.cloud.billing.v1.CloudBilling/ListProjectBillingInfo": (
                billing.list_projects, cloud_billing.ListProjectBillingInfoRequest,
                cloud_billing.ListProjectBillingInfoResponse),
            "/google.cloud.billing.v1.CloudBilling/GetProjectBillingInfo": (
                billing.get_project, cloud_billing.GetProjectBillingInfoRequest,
                cloud_billing.ProjectBillingInfo),
            "/google.cloud.billing.budgets.v1.BudgetService/ListBudgets": (
                billing.list_budgets, budget_service.ListBudgetsRequest, budget_service.ListBudgetsResponse),
        }  # fmt: skip

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Give the handler of a method; None is UNIMPLEMENTED."""
        self._billing.called.append(details.method)
        found = self._methods.get(details.method)
        if found is None:
            return None
        answer, request, response = found

        def answered(asked: Any, context: grpc.ServicerContext) -> Any:
            if self._billing.refusal is not None:
                context.abort(*self._billing.refusal)
            return answer(asked, context)

        return grpc.unary_unary_rpc_method_handler(
            answered, request_deserializer=request.deserialize, response_serializer=response.serialize
        )


@contextmanager
def serving() -> Iterator[CloudBilling]:
    """Serve an empty catalogue on a free port."""
    billing = CloudBilling()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((_Handler(billing),))
    billing.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield billing
    finally:
        server.stop(None).wait()
