# Copyright (c) mmgmp authors.
"""Write the pickled split files of EPIC-Kitchens as CSV files.

The pickled tables are read without running anything that they name. Each
``D1_train.pkl`` gives a ``D1_train.csv`` with the same columns beside it,
which ``EPICKitchensDataset`` then reads in its place.
"""

import argparse
import csv
import sys
from pathlib import Path

from mmgmp.datasets.pickled_frame import read_pickled_frame


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'folder', type=Path, help='MM-SADA_Domain_Adaptation_Splits'
    )
    parser.add_argument(
        '--out', type=Path, help='another folder for the CSV files'
    )
    return parser.parse_args()


def write_csv(path: Path, columns: dict[str, list]) -> None:
    """Write columns of equal length as a CSV file with a header."""
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))


def main() -> None:
    """Convert the files of a folder."""
    args = parse_args()
    out = args.out or args.folder
    paths = sorted(args.folder.glob('D[123]_*.pkl'))
    if not paths:
        sys.exit(f'{args.folder} holds no D1_train.pkl or the like')
    out.mkdir(parents=True, exist_ok=True)
    for path in paths:
        try:
            columns = read_pickled_frame(path)
        except ValueError as error:
            sys.exit(str(error))
        target = out / f'{path.stem}.csv'
        write_csv(target, columns)
        print(f'{target}: {len(columns["uid"])} rows')


if __name__ == '__main__':
    main()
