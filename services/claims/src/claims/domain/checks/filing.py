"""The last day on which a payer takes a claim, from its profile; no clock is asked."""

from calendar import monthrange
from datetime import date, timedelta

from claims.domain.tables import ClaimSettings


def last_filing_day(service_date: date, settings: ClaimSettings) -> date | None:
    """Null where no limit is known; the earlier one where a profile counts both months and days.

    Months are those of the calendar, and end on the last day of one that is too short: of a service on 29 February
    Medicare takes the claim until 28 February of the next year (Pub 100-04 ch.1 s70).
    """
    limits = []
    try:
        if settings.filing_months:
            years, months = divmod(service_date.month - 1 + settings.filing_months, 12)
            year, month = service_date.year + years, months + 1
            limits.append(date(year, month, min(service_date.day, monthrange(year, month)[1])))
        if settings.filing_days:
            limits.append(service_date + timedelta(days=settings.filing_days))
    except (ValueError, OverflowError):
        return None  # the limit lies past the end of the calendar
    return min(limits, default=None)
