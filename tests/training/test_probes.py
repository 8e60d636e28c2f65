"""Linear probes, beside scikit-learn's logistic regression."""

import warnings

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from mtl_core.training.measures.probes import _Probe


def noisy_rows(labels, rows, seed):
    """Outputs of unequal scale, (rows, 32), and labels that depend on them with noise."""
    generator = torch.Generator().manual_seed(seed)
    scale = torch.rand(32, generator=generator)
    direction = torch.randn(labels, 32, generator=generator)
    outputs = torch.randn(rows, 32, generator=generator) * scale
    noise = 2 * torch.randn(rows, labels, generator=generator)
    return outputs, (outputs @ direction.T + noise).argmax(1)


@pytest.mark.parametrize("labels", [2, 3, 6])
@pytest.mark.parametrize("seed", range(4))
def test_a_probe_has_the_weights_and_predictions_of_scikit_learn(labels, seed):
    outputs, gold = noisy_rows(labels, 340, seed)
    train, test = outputs[:40], outputs[40:]

    probe = _Probe(train, gold[:40].tolist())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = LogisticRegression(C=1.0, max_iter=100, tol=1e-8).fit(
            probe._standard(train).numpy(), gold[:40].numpy()
        )

    torch.testing.assert_close(probe._weight, torch.tensor(expected.coef_), rtol=0, atol=0.02)
    found = torch.tensor(probe(test))
    agreed = found == torch.tensor(expected.predict(probe._standard(test).numpy()))
    assert agreed.float().mean() >= 0.98


def test_a_probe_of_one_label_always_predicts_it():
    outputs, _ = noisy_rows(2, 5, 0)

    assert _Probe(outputs, [3] * 5)(outputs[:2]) == [3, 3]
