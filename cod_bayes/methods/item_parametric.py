"""Item-level law: items are normal in ease and log slope, as in item response theory."""

from dataclasses import dataclass, field
from typing import ClassVar

from cod_bayes.methods.bank_curves import Bank
from cod_bayes.methods.bank_shares import NormalPriors, NormalShares, Shares
from cod_bayes.methods.item_bank import BankMethod


@dataclass(frozen=True)
class ItemLevel(BankMethod):
    """The item bank with a parametric distribution, marginalised on the bank's grid.

    Two-parameter item response theory (Birnbaum 1968) with compute as ability, a ceiling and the
    known guess floor: (ease, log slope) are bivariate normal over a benchmark's items. The items
    are summed over, so that six parameters are sampled however many items there are.

    stray
        Share of items that may lie anywhere in the bank: those that no normal describes, such as
        items that never emerge or do not scale.
    normal
        Priors of the normal's parameters.
    """

    name: ClassVar[str] = "item-level"

    stray: float = 0.1
    normal: NormalPriors = field(default_factory=NormalPriors)

    def _build_shares(self, bank: Bank) -> Shares:
        return NormalShares(bank, self.normal, self.stray)
