"""When an applicant who stopped providing is reminded, if the hour allows it."""

from datetime import datetime

from domain.products.products import AgreedProduct


def next_reminder(product: AgreedProduct, last_step_at: datetime, sent: int) -> datetime | None:
    """Return when an applicant who last did something then is reminded next; None: not any more."""
    if sent >= len(product.content.reminders_after):
        return None
    return last_step_at + product.content.reminders_after[sent]
