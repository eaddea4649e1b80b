"""A request that a simulator turns down."""


class RefusalError(Exception):
    """Answer with `status` and `{"code": code}`."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
