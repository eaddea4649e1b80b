"""Loans: what they are agreed under, and the calendars that their plans rest on."""
