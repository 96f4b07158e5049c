# Copyright (c) mmgmp authors.
"""Draw the discrepancy ratios of runs from their logs (GMP, Fig. 5)."""

from run_figures import draw_runs

from mmgmp.visualization import discrepancy_ratios, plot_ratios


def main() -> None:
    """Read the logs and write the figure."""
    draw_runs(__doc__, 'ratios.png', discrepancy_ratios, plot_ratios)


if __name__ == '__main__':
    main()
