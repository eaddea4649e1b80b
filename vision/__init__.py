"""Local vision: reads identity cards, judges liveness, compares faces. A service of its own.

It answers the same signed calls as an outside provider (`identity_card/read`, `liveness/check`,
`liveness/compare`) and is a stranger to the product as that one would be: nothing of it is imported
here. All work with pixels is done by worker processes behind a bounded queue. `docs/vision.md` says
what the models can and cannot do.
"""
