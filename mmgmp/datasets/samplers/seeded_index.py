# Copyright (c) mmgmp authors.


class SeededIndex(int):
    """Index of a sample that carries the seed of its augmentation.

    Args:
        index: Index.
        seed: Seed in [0, 2^32).
    """

    def __new__(cls, index: int, seed: int) -> 'SeededIndex':  # noqa: D102
        self = super().__new__(cls, index)
        self.seed = seed
        return self

    def __getnewargs__(self) -> tuple[int, int]:
        return int(self), self.seed
