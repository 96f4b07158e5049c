# Copyright (c) mmgmp authors.
"""Draw ratio, weights, discrepancies and pseudo labels of runs of Boomda."""

from run_figures import draw_runs

from mmgmp.visualization import adaptation_curves, plot_adaptation


def main() -> None:
    """Read the logs and write the figure."""
    draw_runs(__doc__, 'boomda.png', adaptation_curves, plot_adaptation)


if __name__ == '__main__':
    main()
