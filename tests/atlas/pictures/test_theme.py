"""Colours that readers with any colour vision tell apart."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from embedding.atlas.pictures.groups import MOST
from embedding.atlas.pictures.theme import MARKERS, THEMES, ThemeName

# Machado, Oliveira and Fernandes, A Physiologically-based Model for Simulation of Color Vision Deficiency, 2009, at full severity.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
}


def oklab(colours: list[str], sight: np.ndarray) -> np.ndarray:
    """Colours as an eye sees them, in Ottosson's OKLab (2020), where distances are as large as they look; shape (n, 3)."""
    rgb = np.array([to_rgb(colour) for colour in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ sight.T, 0, 1)
    cones = np.array(
        [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]]
    )
    turned = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return np.asarray(np.cbrt(seen @ cones.T) @ turned.T)


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("sight", SIGHTS)
def test_every_two_colours_differ_for_every_eye(name: ThemeName, sight: str) -> None:
    """The groups from each other, from the rest and from the paper. By this measure, Tol's muted scheme of nine keeps .05 apart."""
    theme = THEMES[name]
    colours = oklab([*theme.groups, theme.rest, theme.paper], SIGHTS[sight])
    distances = np.linalg.norm(colours[:, None] - colours[None], axis=-1)
    distances[-2:, -2:] = 1
    np.fill_diagonal(distances, 1)
    assert distances.min() > 0.065


@pytest.mark.parametrize("name", THEMES)
def test_there_is_a_colour_for_every_group_and_neighbours_differ_in_shape(name: ThemeName) -> None:
    assert len(set(THEMES[name].groups)) == MOST
    assert len(set(MARKERS)) >= 6


@pytest.mark.parametrize("name", THEMES)
def test_text_has_contrast(name: ThemeName) -> None:
    """WCAG 2.1, 1.4.3: at least 4.5 to 1."""
    theme = THEMES[name]

    def light(colour: str) -> float:
        rgb = np.array(to_rgb(colour))
        return float(np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])

    for ink in (theme.ink, theme.faint):
        high, low = sorted((light(ink), light(theme.paper)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5
