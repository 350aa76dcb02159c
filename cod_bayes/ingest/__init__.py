"""Read evaluation results of any origin into the ``evals`` Dataset.

=========  ======================================================================================
frames     files of tables (CSV, Parquet, JSONL) -> data frames with the names used here
llms       what is known about language models and benchmarks: TOML, CSV, or columns of the table
counts     rows (an item, a trial, or a score) -> trials and successes of each (llm, item)
tables     :func:`read_table`, which joins the three
logs       :func:`read_logs`, which looks at a path and decides how to read it
=========  ======================================================================================
"""

from cod_bayes.ingest.logs import read_logs
from cod_bayes.ingest.tables import read_table

__all__ = ["read_logs", "read_table"]
