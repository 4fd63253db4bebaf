"""Appointments: customers book them, and are reminded the evening before."""

from __future__ import annotations

from auzap_appointments.plugin import Appointments
from auzap_appointments.tables import Appointment

__all__ = ["Appointment", "Appointments"]
