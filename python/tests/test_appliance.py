"""The module against a real appliance, with real pandas and pyarrow.

A scenario (tests/scenarios/freezing.rs) starts the appliance, freezes a cohort and sets the environment.
"""

import os
import stat
import tempfile
import unittest
import warnings
from pathlib import Path

import duckdb
import pandas
import pandas.testing
import pyarrow
import pyarrow.csv
import pyarrow.parquet

import flip_edge
from flip_edge import FLIP

SQL = os.environ["TEST_SQL"]
PROJECT = os.environ["TEST_PROJECT"]


def own_table() -> pyarrow.Table:
    """What DuckDB itself gives for the question."""
    with duckdb.connect(os.environ["TEST_GENERATION"], read_only=True) as database:
        return database.execute(SQL).to_arrow_table()


def in_order(table: pyarrow.Table) -> pyarrow.Table:
    return table.sort_by([(name, "ascending") for name in table.column_names])


class Reads(unittest.TestCase):
    def test_a_table_has_duckdbs_own_values_and_types(self):
        table = FLIP().get_table()
        self.assertEqual(table.schema.names, own_table().schema.names)
        self.assertEqual(table.schema.types, own_table().schema.types)
        self.assertTrue(in_order(table).equals(in_order(own_table())))

    def test_a_dataframe_has_their_values_and_dtypes(self):
        expected = in_order(own_table()).to_pandas(date_as_object=False)
        frame = FLIP().get_dataframe(PROJECT, SQL)
        frame = frame.sort_values(list(frame.columns), ignore_index=True)
        pandas.testing.assert_frame_equal(frame, expected)
        self.assertEqual(frame["person_id"].nunique(), int(os.environ["TEST_PERSONS"]))
        self.assertEqual(str(frame["person_id"].dtype), "int64")
        self.assertTrue(str(frame["condition_start_date"].dtype).startswith("datetime64"))
        nullable = FLIP().get_dataframe(nullable=True)
        self.assertEqual(str(nullable["person_id"].dtype), "int64[pyarrow]")

    def test_batches_files_and_table_agree(self):
        flip = FLIP()
        table = flip.get_table()
        self.assertTrue(pyarrow.Table.from_batches(flip.get_batches()).equals(table))
        with tempfile.TemporaryDirectory() as folder:
            for compression in ("zstd", "snappy"):
                path = flip.download(Path(folder) / "rows.parquet", "parquet", compression)
                self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
                self.assertTrue(pyarrow.parquet.read_table(path).equals(table))
                written = pyarrow.parquet.ParquetFile(path).metadata.row_group(0).column(0).compression
                self.assertEqual(written.lower(), compression)
            rows = pyarrow.csv.read_csv(flip.download(Path(folder) / "rows.csv", "csv"))
            self.assertEqual(rows.num_rows, table.num_rows)
            self.assertEqual(rows["person_id"].to_pylist(), table["person_id"].to_pylist())
            self.assertEqual(sorted(os.listdir(folder)), ["rows.csv", "rows.parquet"])

    def test_the_cohort_and_its_accession_ids(self):
        cohort = FLIP().get_cohort()
        self.assertEqual(cohort["persons"], int(os.environ["TEST_PERSONS"]))
        self.assertEqual((cohort["generation"], cohort["drift"]), ("g-000001", None))
        self.assertEqual(FLIP().get_accession_ids(PROJECT), [])


class Refusals(unittest.TestCase):
    def check(self, kind: type, code: str, **place) -> None:
        flip = FLIP(**place)
        for call in (flip.get_dataframe, flip.get_accession_ids, flip.get_cohort):
            with self.assertRaises(kind) as caught:
                call()
            self.assertEqual(caught.exception.code, code)

    def test_tokens_that_open_nothing(self):
        self.check(flip_edge.BadToken, "token_unknown", token="flip_0011223344556677_AAAA")
        self.check(flip_edge.BadToken, "token_revoked", token=os.environ["TEST_REVOKED_TOKEN"])

    def test_a_token_from_a_file_may_end_its_line_and_none_is_repeated(self):
        self.assertEqual(FLIP(token=os.environ["FLIP_API_TOKEN"] + "\n").get_accession_ids(), [])
        for spoilt in ("flip_secret\nflip_secret", "flip_secret\u20ac"):
            with self.assertRaises(flip_edge.BadToken) as caught:
                FLIP(token=spoilt).get_cohort()
            self.assertNotIn("secret", str(caught.exception))

    def test_no_appliance(self):
        self.check(flip_edge.NotReachable, "not_reachable", socket="/nowhere/api.sock")

    def test_no_environment(self):
        token = os.environ.pop("FLIP_API_TOKEN")
        try:
            with self.assertRaises(flip_edge.NotConfigured):
                FLIP()
        finally:
            os.environ["FLIP_API_TOKEN"] = token

    def test_another_project_and_another_query(self):
        with self.assertRaises(flip_edge.WrongProject):
            FLIP().get_dataframe("019b2f8e-0000-7000-8000-000000000001")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            FLIP().get_dataframe(PROJECT, "SELECT person_id FROM omop.death")
        self.assertTrue(any("not the frozen one" in str(one.message) for one in caught))

    def test_a_format_that_there_is_not(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaises(flip_edge.Refused) as caught:
                FLIP().download(Path(folder) / "rows.xlsx", "xlsx")
            self.assertEqual(caught.exception.code, "bad_parameter")
            self.assertEqual(os.listdir(folder), [])


if __name__ == "__main__":
    unittest.main()
