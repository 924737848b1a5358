"""Draws within the cells of a grid: as wide as the density from which the grid was made."""

import numpy as np
import pytest

from interaction.fitting.cells import masses, slopes, within


def drawn(log_density, spacing, count=200_000, seed=0):
    """Draws from a grid of one or more coordinates; the density falls off before the grid ends."""
    axes = [np.arange(-8, 8.01, step) for step in spacing]
    sizes = [len(axis) for axis in axes]
    z = np.stack([axis.reshape(-1) for axis in np.meshgrid(*axes, indexing="ij")], axis=-1)
    weights = np.exp(log_density(*z.T))
    slope, bend = slopes(weights, sizes, np.ones(len(sizes), bool))
    rng = np.random.default_rng(seed)
    mass = weights * masses(slope, bend)
    cells = rng.choice(len(z), count, p=mass / mass.sum())
    return z[cells] + within(rng.random((count, len(sizes))), slope[cells], bend[cells]) * np.array(spacing)


@pytest.mark.parametrize("spacing", [0.3, 0.6, 0.9])
def test_draws_are_as_wide_as_a_normal_density(spacing):
    """Even draws would have the variance 1 + spacing² / 12, up to 3.3 % too large a standard deviation."""
    (found,) = drawn(lambda z: -0.5 * z**2, [spacing]).T
    assert abs(found.mean()) < 4 / np.sqrt(200_000)
    assert abs(found.std() - 1) < 4 / np.sqrt(2 * 200_000) + 0.002 * spacing**2
    inner = np.mean(np.abs(found) < 0.6744897501960817)
    assert abs(inner - 0.5) < 4 * 0.5 / np.sqrt(200_000) + 0.002


def test_draws_of_two_that_go_together():
    def log_density(x, y):
        return -(x**2 - 2 * 0.7 * x * y + y**2) / (2 * (1 - 0.7**2))

    found = drawn(log_density, [0.4, 0.4])
    assert np.allclose(found.std(axis=0), 1.0, atol=0.01)
    assert np.isclose(np.corrcoef(found.T)[0, 1], 0.7, atol=0.01)


def test_draws_of_a_skewed_density():
    """z of a Gamma(4) variable on the log scale: mean digamma(4), variance trigamma(4)."""
    (found,) = drawn(lambda z: 4 * z - np.exp(z), [0.25]).T
    assert np.isclose(found.mean(), 1.2561176684318005, atol=4 * 0.53 / np.sqrt(200_000))
    assert np.isclose(found.var(), 0.283822955737115, rtol=0.01)


def test_beside_cells_without_weight_the_density_goes_on():
    weights = np.array([0.0, 0.1, 0.2, 0.4, 0.0, 1e-300])
    slope, bend = slopes(weights, [6], np.ones(1, bool))
    assert np.isfinite(slope).all()
    assert np.isfinite(bend).all()
    assert np.allclose(slope[1:4, 0], np.log(2))
    assert np.allclose(bend[1:4, 0], 0.0)
    assert (slopes(np.full(12, 1 / 12), [3, 4], np.zeros(2, bool))[0] == 0).all()


def test_flat_cells_are_drawn_from_evenly():
    u = np.linspace(0.001, 0.999, 999)[:, None]
    none = np.zeros_like(u)
    assert np.allclose(within(u, none, none), u - 0.5, atol=1e-12)
    assert np.allclose(masses(none, none), 1.0)
    steep = within(u, none + 3.0, none)
    exact = np.log(1 + u * (np.exp(3.0) - 1)) / 3 - 0.5
    assert np.allclose(steep, exact, atol=2e-3)
