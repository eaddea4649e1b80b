"""A call that the service turns down without judging anything."""


class RefusalError(Exception):
    """Answer with `status` and `{"code": code}`; `retry_after` in seconds if it may come again."""

    def __init__(self, status: int, code: str, retry_after: int | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.retry_after = retry_after
