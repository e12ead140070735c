"""Two towers: a user's vector, and the best of all candidates by brute force (keras-rs `basic_retrieval`)."""

from __future__ import annotations

from typing import Any

import keras
import keras_rs
import numpy as np

from tests import own_case
from tests.own_case import Case

USERS, MOVIES, WIDTH, GROUPS, K = 320, 480, 16, 16, 10


@keras.saving.register_keras_serializable("own_models")
class TwoTowers(own_case.Savable, keras.Model):
    def __init__(self, compressed: bool) -> None:
        super().__init__()
        self.compressed = compressed
        self.users = own_case.table(compressed, "user_embedding", USERS, WIDTH, "quotient_remainder")
        self.candidates = own_case.table(compressed, "candidate_embedding", MOVIES, WIDTH, "memcom")
        self.retrieval = keras_rs.layers.BruteForceRetrieval(k=K)
        self.loss_of_pairs = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def build(self, input_shape: Any) -> None:
        self.users.build(input_shape)
        self.candidates.build(input_shape)
        if isinstance(self.candidates, keras.layers.Embedding):
            # Candidates are the very variable that is trained.
            self.retrieval.candidate_embeddings = self.candidates.embeddings
        super().build(input_shape)

    def index(self) -> None:
        """Give the retrieval the vectors of a tower that has no table of them, as must be done after every fit."""
        if not isinstance(self.candidates, keras.layers.Embedding):
            self.retrieval.update_candidates(self.candidates(np.arange(MOVIES, dtype=np.int32)))

    def call(self, user_id: Any, training: bool = False) -> dict[str, Any]:
        vectors = self.users(user_id)
        if training:
            return {"user": vectors}
        scores, movies = self.retrieval(vectors)
        return {"predictions": movies, "scores": scores}

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Every movie of the batch is a candidate for each of its users."""
        scores = keras.ops.matmul(y_pred["user"], keras.ops.transpose(self.candidates(y)))
        return self.loss_of_pairs(keras.ops.arange(keras.ops.shape(y)[0]), scores)


def precision(groups: np.ndarray, answers: dict[str, np.ndarray]) -> float:
    """Return the share of the movies answered that are of the user's group."""
    return float(np.mean(np.asarray(answers["predictions"]) % GROUPS == groups[:, None]))


def case(compressed: bool) -> Case:
    """Return the case; each user watches movies of one group."""
    rng = np.random.default_rng(0)
    users = rng.integers(0, USERS, 8_000).astype(np.int32)
    movies = (users % GROUPS + GROUPS * rng.integers(0, MOVIES // GROUPS, len(users))).astype(np.int32)
    model = TwoTowers(compressed)
    own_case.fit(model, users, movies, None, epochs=4, rate=0.03)
    model.index()
    # Candidates of the compressed tower are vectors by now, so that only the users are looked up.
    names = ("user_embedding",) if compressed else ()
    return Case(model, users[:200], users[:200] % GROUPS, precision, 1 / GROUPS, names)
