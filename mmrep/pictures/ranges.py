"""A picture of how well the layers of a net fit into 8 bits."""
from typing import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's: all people can tell them apart
BLUE, ORANGE, GREEN = '#0072B2', '#D55E00', '#009E73'
# inches
LAYER, FRAME, HEIGHT, CHARACTER = 0.24, 1.4, 4.6, 0.07

Rows = Sequence[dict]


def draw_ranges(title: str, rows: Rows) -> Figure:
    """Draw each layer's largest weights and its signal over noise.

    Args:
        title: Title above the picture.
        rows: Rows as :mod:`mmrep.inference.int8_layers` makes them, in order.
    """
    label = 0.3 + CHARACTER * max(len(row['layer']) for row in rows)
    size = (FRAME + max(LAYER * len(rows), 5), HEIGHT + label)
    figure = Figure(figsize=size)
    figure.suptitle(title, x=0.02, ha='left', fontsize=9)
    weights, noise = figure.subplots(2, 1, sharex=True)
    figure.subplots_adjust(0.8 / size[0], label / size[1], 0.98,
                           1 - 0.5 / size[1])
    _draw_channels(weights, rows)
    _draw_noise(noise, rows)
    names = [row['layer'] for row in rows]
    noise.set_xticks(range(len(rows)), names, rotation=90, fontsize=7)
    return figure


def _draw_channels(axes: Axes, rows: Rows) -> None:
    for place, row in enumerate(rows):
        channels = row['channels']
        axes.plot(
            [place] * len(channels),
            channels,
            '_',
            color=BLUE,
            markersize=8,
            alpha=0.5)
    axes.set_yscale('log')
    axes.set_ylabel("each channel's largest weight", fontsize=8)
    _finish(axes)


def _draw_noise(axes: Axes, rows: Rows) -> None:
    for key, label, colour in (('weights_per_channel', 'weights, per channel',
                                BLUE), ('weights_per_tensor',
                                        'weights, per tensor', ORANGE),
                               ('activations', 'what it reads', GREEN)):
        axes.plot([row[key] for row in rows],
                  'o-',
                  color=colour,
                  label=label,
                  markersize=3,
                  linewidth=1)
    axes.set_ylabel('signal over noise of 8 bits, dB', fontsize=8)
    axes.legend(
        fontsize=7,
        frameon=False,
        ncols=3,
        loc='lower left',
        bbox_to_anchor=(0, 1))
    _finish(axes)


def _finish(axes: Axes) -> None:
    axes.spines[['right', 'top']].set_visible(False)
    axes.tick_params(axis='y', labelsize=7)
