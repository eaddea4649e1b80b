"""All activities of a worker, opened with what they need and sorted by task queue."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from temporalio.client import Client

from activities.applications import Applications
from activities.collections import Arrears
from activities.common.performing import PerformedCall
from activities.credit_analysis.analyses import CreditAnalyses
from activities.credit_analysis.external_assessments import ExternalAssessments
from activities.credit_analysis.feedback import AnalysisReports
from activities.credit_analysis.notices import AnalysisNotices
from activities.credit_analysis.scr_consents import ScrConsents
from activities.decisioning.decision import Decisions
from activities.decisioning.levels import Levels
from activities.lines.drawdowns import Drawdowns
from activities.lines.lines import Lines
from activities.loans.calendars import Calendars
from activities.loans.repayments import Repayments
from activities.loans.servicing import Servicing
from activities.maintenance import Upkeep
from activities.payments import Orders
from activities.precredit import Campaigns
from activities.processes import MissingProcesses
from activities.reviews import Reviews
from activities.sources.enquiries import DataSourceGateway
from activities.verification.data_imports import data_import_sources
from activities.verification.elements import Elements
from activities.verification.identity import Identity
from messages.queues import ALL
from providers.credit_analysis.notices import AnalysisAccess, Endpoint
from providers.registry import FireeyeAccess, Providers
from providers.sources.fireeye_profile import FireeyeProfile
from providers.sources.fireeye_requests import FireeyeCredentials
from runtime import failpoints, metrics
from runtime.keyring import BlindIndex, Keyring
from runtime.settings import LOCAL_URL, ProviderSettings, Settings
from runtime.temporal.siblings import Siblings
from services.messaging.sending import MessageSender
from storage.database import Database

Activities = dict[str, list[Callable[..., Any]]]


@asynccontextmanager
async def build(settings: Settings, client: Client) -> AsyncIterator[Activities]:
    """Open the database and the providers and yield the activities by queue.

    Messages to customers are sent meanwhile: each worker is one of their senders.

    Raises runtime.keyring.InvalidKeys, runtime.failpoints.FailpointsRefusedError, ValueError for a
    wrong profile of Fireeye, and what PostgreSQL raises when it cannot be reached.
    """
    failpoints.arm(settings.environment, os.environ)
    keyring = Keyring.parse(settings.pii_keys.get_secret_value())
    blind_index = BlindIndex.parse(settings.blind_index_key.get_secret_value())
    third_parties = settings.providers
    fireeye = fireeye_access(third_parties)
    async with (
        Database.open(
            settings.database_url, settings.database_pool_size, keyring, blind_index
        ) as database,
        Providers.connect(
            third_parties.url_of,
            third_parties.api_key,
            third_parties.signing_secret,
            third_parties.timeout_seconds,
            metrics.provider_called,
            _analysis_access(settings),
            fireeye,
            third_parties.timeouts,
        ) as providers,
    ):
        gateway = DataSourceGateway(
            database,
            providers,
            lease=DataSourceGateway.lease_for(
                max(
                    third_parties.longest_seconds,
                    fireeye.profile_at(third_parties.url_of("fireeye")).total_seconds,
                )
            ),
        )
        siblings = Siblings(
            client, settings.task_queue_prefix, eagerly=not settings.deployment_name
        )
        sending = asyncio.create_task(MessageSender(database, providers).keep_sending())
        try:
            yield assemble(database, providers, siblings, gateway, public_url=settings.public_url)
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending


def fireeye_access(third_parties: ProviderSettings) -> FireeyeAccess:
    """Return what UnionPay agreed with us; raises ValueError for a wrong profile."""
    given = third_parties.fireeye_profile
    return FireeyeAccess(
        FireeyeCredentials(third_parties.fireeye_institution_id, third_parties.fireeye_app_key),
        None if given is None else FireeyeProfile.model_validate(given),
    )


def _analysis_access(settings: Settings) -> AnalysisAccess:
    return AnalysisAccess(
        settings.providers.key_for_qitech,
        {
            client.client: (
                Endpoint(client.webhook_url, client.webhook_signature_key)
                if client.webhook_url
                else None
            )
            for client in settings.credit_analysis_clients
        },
        settings.providers.qitech_allows_alphanumeric_cnpj,
    )


def assemble(
    database: Database,
    providers: Providers,
    siblings: Siblings,
    gateway: DataSourceGateway | None = None,
    *,
    public_url: str = LOCAL_URL,
) -> Activities:
    """Return the activities by queue; without a `gateway` it is one of usual times.

    Local activities run inside the worker of their workflow: they are on the core queue.
    """
    gateway = gateway or DataSourceGateway(database, providers)
    orders = Orders(database, providers)
    concerns = (
        Applications(database),
        Reviews(database),
        Decisions(database, gateway),
        Identity(database, gateway),
        Elements(database, providers, data_import_sources(gateway)),
        Lines(database, siblings),
        Drawdowns(database, providers, orders, siblings),
        Repayments(database, orders),
        Arrears(database, providers, siblings),
        Servicing(database),
        Calendars(database, siblings),
        CreditAnalyses(database, gateway),
        ExternalAssessments(database, gateway),
        AnalysisNotices(database, providers.analysis_webhooks),
        ScrConsents(database, providers, public_url),
        AnalysisReports(database, gateway),
        Upkeep(database),
        Campaigns(database),
        Levels(database),
        MissingProcesses(database, siblings),
    )
    activities: Activities = {queue: [] for queue in ALL}
    for concern in concerns:
        for name in vars(type(concern)):
            method = getattr(concern, name)
            if hasattr(method, "call"):
                activities[cast(PerformedCall, method).call.queue].append(method)
    return activities
