"""Handlers of the quality of data."""

from __future__ import annotations

from opportune.evaluate.data_report import page_of
from opportune.evaluate.model_report import LANGUAGES
from opportune.service.http.call import Call, Reply

__all__ = ["get_data_page", "get_data_quality"]


async def get_data_quality(call: Call) -> Reply:
    """Judge the inputs of decisions."""
    return Reply.of(await call.runtime.data_report())


async def get_data_page(call: Call) -> Reply:
    """Judge the inputs of decisions, as a page with pictures."""
    language = call.query_choice("language", LANGUAGES)
    report = await call.runtime.data_report()
    page = page_of(report, "pl" if language == "pl" else "en")
    return Reply.page(page.encode())
