"""The HTTP interface: one route table, from which dispatch and documents follow."""

from opportune.service.http.app import App
from opportune.service.http.route import Route
from opportune.service.http.routes import ROUTES

__all__ = ["ROUTES", "App", "Route"]
