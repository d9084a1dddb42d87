"""The interval of a measure: a thousand draws of clusters, beside as many taken one by one."""

from __future__ import annotations

import json
import time

import numpy as np

from assembly_line.metrics import auc, cluster_bootstrap

CLUSTERS, ROWS_EACH = 1500, 2
DRAWS, ONE_BY_ONE = 1000, 50


def main() -> None:
    random = np.random.default_rng(4)
    clusters = np.repeat(np.arange(CLUSTERS), ROWS_EACH)
    outcomes = (random.random(len(clusters)) < 0.2).astype(float)
    scores = np.clip(0.2 * outcomes + random.random(len(clusters)), 0, 1)

    began = time.process_time()
    cluster_bootstrap(auc, scores, outcomes, clusters, draws=DRAWS)
    together = time.process_time() - began

    rows = np.arange(len(clusters)).reshape(CLUSTERS, ROWS_EACH)
    began = time.process_time()
    for _ in range(ONE_BY_ONE):
        drawn = rows[random.integers(0, CLUSTERS, CLUSTERS)].ravel()
        auc(scores[drawn], outcomes[drawn])
    alone = (time.process_time() - began) * DRAWS / ONE_BY_ONE
    print(json.dumps({"cpu_seconds": together, "of_one_by_one": together / alone}))


if __name__ == "__main__":
    main()
