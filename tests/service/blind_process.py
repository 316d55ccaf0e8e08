"""A deciding process that tells the store of nothing that it knew: the control of freshness."""

from __future__ import annotations

from msgspec.structs import replace

from opportune.service import deciding, process

if __name__ == "__main__":
    _drawn = deciding.Decider._drawn

    async def drawn(self: deciding.Decider, drawing: deciding.Drawing) -> deciding.SaveDecision:
        return replace(await _drawn(self, drawing), contacts_seen=None)

    deciding.Decider._drawn = drawn  # type: ignore[method-assign]
    process.main()
