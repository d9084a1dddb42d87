"""UDFs over an entity's events: what a line's `features.py` looks like."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def product_entropy(events: pa.Table) -> pa.Array:
    """How evenly the money is spread over products, in bits: 0 for one product."""
    spent = events.group_by(["decision", "product_id"], use_threads=False).aggregate([("sales_value", "sum")])
    spent = spent.sort_by("decision")  # groups of several columns come in no order
    shares = pa.table({"decision": spent["decision"], "value": pc.max_element_wise(spent["sales_value_sum"], 0.01)})
    totals = shares.group_by("decision", use_threads=False).aggregate([("value", "sum")])
    share = pc.divide(shares["value"], totals["value_sum"].take(shares["decision"]))
    terms = pa.table({"decision": shares["decision"], "bits": pc.negate(pc.multiply(share, pc.log2(share)))})
    return terms.group_by("decision", use_threads=False).aggregate([("bits", "sum")])["bits_sum"]
