"""Names of dimensions, variables and groups: the package's public data format.

``evals`` is the one currency between reading data and everything else: an ``xarray.Dataset``
with dims ``(llm, item)``.

=================  ==================  =============================================================
name               dims                meaning
=================  ==================  =============================================================
n_trials           (llm, item)         uint32, attempts; 0 where an item was not tried on a model
n_correct          (llm, item)         uint32, successes, ``<= n_trials``
gold_nll           (llm, item)         optional, nats of the correct answer
loss               (llm, loss_domain)  optional, validation loss, nats per token; NaN: not measured
llm                (llm)               label, unique
params_total       (llm)               parameters
params_active      (llm)               parameters active per token (= total for dense models)
tokens             (llm)               training tokens seen
flops              (llm)               training compute in FLOP, by ``attrs["flop_convention"]``
family             (llm)               models of one family follow one law
seed               (llm)               training seed
run                (llm)               the training run a checkpoint belongs to
checkpoint         (llm)               index of the checkpoint in its run; the largest is final
phase              (llm)               "stable" or "annealed"
role               (llm)               "ladder", "anchor" or "target"
loss_domain        (loss_domain)       text a loss was measured on, unique; "overall": all of it
item               (item)              label, unique: "<benchmark>/<item_id>"
benchmark          (item)              benchmark the item belongs to
item_id            (item)              the item's own label
n_questions        (item)              questions the row stands for; 1 unless it is a score
guess_floor        (item)              probability of a lucky guess
metric             (item)              how an answer is scored
=================  ==================  =============================================================

Further coordinates of llms and items are kept as they are.

Attributes: ``flop_convention``, ``decoding``, ``sources`` (a JSON list of files and SHA-256 sums).
"""

SCHEMA_VERSION = 1

LLM, ITEM, BENCHMARK, CLUSTER = "llm", "item", "benchmark", "cluster"
N_TRIALS, N_CORRECT, GOLD_NLL = "n_trials", "n_correct", "gold_nll"
LOSS, LOSS_DOMAIN = "loss", "loss_domain"

LLM_COORDS = (
    "params_total",
    "params_active",
    "tokens",
    "flops",
    "family",
    "seed",
    "run",
    "checkpoint",
    "phase",
    "role",
)
ITEM_COORDS = ("benchmark", "item_id", "n_questions", "guess_floor", "metric")
ROLES = ("ladder", "anchor", "target")
PHASES = ("stable", "annealed")

# Labels of items that belong to no cluster (scikit-learn writes outliers as -1).
OUTLIER_LABEL, ZERO_LABEL = -1, -2

CLASSES = ("extrapolatable", "non-extrapolatable", "non-emergent")
FORECASTERS = ("cod", "end-to-end")
