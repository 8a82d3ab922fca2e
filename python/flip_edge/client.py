"""FLIP's calls, answered by the appliance of the Trust where this code runs."""

import json
import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from .errors import BadToken, Busy, NotConfigured, WrongProject
from .transport import PATIENCE_S, Body, opened

if TYPE_CHECKING:
    import pandas
    import pyarrow

# Pauses in seconds between tries where other exports are under way.
PAUSES_S = (2, 5, 10, 20, 40)
# Bytes that a download holds at once.
PIECE_BYTES = 1 << 20


class FLIP:
    """One frozen cohort, opened by a token."""

    def __init__(
        self,
        socket: str | os.PathLike | None = None,
        token: str | None = None,
        *,
        timeout_s: float = PATIENCE_S,
    ):
        """Takes FLIP_API_SOCKET and FLIP_API_TOKEN from the environment where they are not given; gives up after
        timeout_s seconds without a byte."""
        self._timeout_s = timeout_s
        self._socket = os.fspath(socket) if socket is not None else _of_environment("FLIP_API_SOCKET")
        self._token = (token if token is not None else _of_environment("FLIP_API_TOKEN")).strip()
        # Looked at here, because http.client would repeat it in an exception.
        if not (self._token.isascii() and self._token.isprintable()):
            raise BadToken("token_unknown", "the token has letters that no token has")
        self._cohort: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"FLIP(socket={self._socket!r})"

    def get_dataframe(
        self, project_id: str | None = None, query: str | None = None, *, nullable: bool = False
    ) -> "pandas.DataFrame":
        """The frozen question's rows. With `nullable`, its columns are backed by pyarrow and keep their types."""
        table = self.get_table(project_id, query)
        if nullable:
            import pandas

            return table.to_pandas(types_mapper=pandas.ArrowDtype)
        return table.to_pandas(date_as_object=False)

    def get_table(self, project_id: str | None = None, query: str | None = None) -> "pyarrow.Table":
        """The frozen question's rows, with DuckDB's own types."""
        import pyarrow.ipc

        self._check(project_id, query)
        with self._read("/v1/dataframe?format=arrow") as body, pyarrow.ipc.open_stream(body) as reader:
            table = reader.read_all()
            _to_its_end(body)
            return table

    def get_batches(
        self, project_id: str | None = None, query: str | None = None
    ) -> "Iterator[pyarrow.RecordBatch]":
        """The rows batch by batch: a cohort larger than memory. Only after the last one are they sure to be whole."""
        import pyarrow.ipc

        self._check(project_id, query)
        with self._read("/v1/dataframe?format=arrow") as body, pyarrow.ipc.open_stream(body) as reader:
            yield from reader
            _to_its_end(body)

    def download(
        self, path: str | os.PathLike, format: str = "parquet", compression: str | None = None
    ) -> Path:
        """Writes the rows to a file: parquet (zstd or snappy), csv or arrow. A file there is replaced once it is whole."""
        path = Path(path)
        asked = {"format": format} | ({"compression": compression} if compression else {})
        with self._read("/v1/dataframe?" + urlencode(asked)) as body:
            # Rows of patients: a new file, for its owner alone, whoever else writes to the same path at the same time.
            part, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".part")
            try:
                with open(part, "wb") as file:
                    while piece := body.read(PIECE_BYTES):
                        file.write(piece)
                os.replace(name, path)
            except BaseException:
                os.unlink(name)
                raise
        return path

    def get_accession_ids(self, project_id: str | None = None, query: str | None = None) -> list[str]:
        """The frozen accession ids in ascending order; none where the cohort has no images."""
        self._check(project_id, query)
        return self._json("/v1/accession-ids")["accession_ids"]

    def get_cohort(self) -> dict[str, Any]:
        """What is frozen: name, question, generation, counts, and how it differs from the version before it."""
        return self._json("/v1/cohort")

    def _check(self, project_id: str | None, query: str | None) -> None:
        """The token alone says what is read; what FLIP's callers say beside it is compared."""
        if project_id is None and query is None:
            return
        if self._cohort is None:
            self._cohort = self.get_cohort()
        if project_id is not None and str(project_id) != str(self._cohort["project"]):
            raise WrongProject("wrong_project", "the token opens a frozen cohort of another project")
        if query is not None and query.split() != self._cohort["sql"].split():
            warnings.warn("the query is not the frozen one, which is what is read", stacklevel=3)

    def _json(self, target: str) -> dict[str, Any]:
        with self._read(target) as body:
            return json.loads(body.read())

    @contextmanager
    def _read(self, target: str) -> Iterator[Body]:
        for pause in (*PAUSES_S, None):
            try:
                with opened(self._socket, self._token, target, self._timeout_s) as body:
                    yield body
                return
            except Busy:
                if pause is None:
                    raise
                time.sleep(pause)


def _of_environment(name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise NotConfigured(
            "not_configured", f"{name} is not set; flip-appliance token new says what to set it to"
        )
    return value


def _to_its_end(body: Body) -> None:
    """Reads what follows the last batch: a connection that broke off is noticed here."""
    while body.read(PIECE_BYTES):
        pass
