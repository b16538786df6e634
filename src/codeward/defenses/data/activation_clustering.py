"""Activation clustering: the smaller of two clusters of a class is poisoned, if the two stand apart (Chen et al., 2018).

Representations are reduced by ICA to ten dimensions and split by 2-means, class by class. The smaller cluster is convicted if
it holds less than ``share`` of the class and the silhouette is at least ``silhouette``, the paper's two criteria. The model
is one trained on the rows.
"""

import warnings
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from codeward.defenses.data._base import Audit, ModelAudit, Rows, data_defenses
from codeward.defenses.data._work import Work
from codeward.defenses.data.spectral import Embedded
from codeward.registry import method
from codeward.types import Sample
from codeward.victims.base import Victim

SAMPLED = 2000
"""Rows from which a silhouette is taken."""


@data_defenses.register("activation-clustering")
@method
class ActivationClustering(ModelAudit):
    """The smaller of two clusters of a class's representations, where they stand apart."""

    components: Annotated[int, Field(ge=2)] = 10
    """Dimensions after ICA."""
    share: Annotated[float, Field(gt=0, le=0.5)] = 0.35
    """A cluster of a larger share of its class is not poisoned."""
    silhouette: Annotated[float, Field(ge=-1, le=1)] = 0.1
    """How far the clusters have to stand apart."""
    seed: int = 0

    def judge(self, rows: Rows, victim: Victim, clean: Sequence[Sample], work: Work) -> Audit:
        """See ``ModelAudit.judge``; a row's score is how much closer it is to the smaller cluster."""
        from sklearn.cluster import KMeans
        from sklearn.decomposition import FastICA
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.metrics import silhouette_score

        embedded = Embedded.of(rows, victim, work)
        scores = np.zeros(len(embedded.ids))
        flags = np.zeros(len(embedded.ids), dtype=bool)
        for places, vectors in embedded.groups():
            size = min(self.components, *vectors.shape)
            if len(places) < 2 * self.components or size < 2:
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                reduced = FastICA(size, random_state=self.seed, max_iter=500, tol=1e-3).fit_transform(vectors)
            clusters = KMeans(2, n_init=10, random_state=self.seed).fit(reduced)
            small = int(np.argmin(np.bincount(clusters.labels_, minlength=2)))
            distance = clusters.transform(reduced)
            scores[places] = distance[:, 1 - small] - distance[:, small]
            apart = silhouette_score(
                reduced, clusters.labels_, sample_size=min(SAMPLED, len(places)), random_state=self.seed
            )
            if np.mean(clusters.labels_ == small) < self.share and apart >= self.silhouette:
                flags[places] = clusters.labels_ == small
        return embedded.audit(scores, flags)
