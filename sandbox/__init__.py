"""Simulators of all third parties: one ASGI app that speaks their wire format over HTTP.

They are strangers to the product: nothing of it is imported here, signatures are computed by code
of their own, and the book of payments is a file of their own. `docs/sandbox.md` holds the contract,
the fictional people and the faults that can be programmed.
"""
