# Copyright (c) mmgmp authors.
import numpy as np

PCA_CHANNELS = 50


def embed_tsne(
    features: np.ndarray, perplexity: float = 30, seed: int = 0
) -> np.ndarray:
    """Place features in a plane by t-SNE, after PCA to 50 dimensions.

    Neighbours stay neighbours. Distances between groups, and the axes, mean
    nothing. The features are taken as they are: what has the larger variance
    counts more. On another number of threads the result may differ.

    Args:
        features: (N, D) finite.
        perplexity: About how many neighbours each point minds, in (0, N).
            5 to 50 are usual; few neighbours show small groups.
        seed: Random state of both steps.

    Returns:
        (N, 2) float32.

    Raises:
        ValueError: The perplexity is not in (0, N), or all features are
            equal.
        ImportError: There is no scikit-learn.
    """
    if not 0 < perplexity < len(features):
        raise ValueError(
            '`perplexity` must be above 0 and below the number of samples '
            f'{len(features)}, got {perplexity}'
        )
    if not np.ptp(features, axis=0).any():
        raise ValueError(
            f'all {len(features)} samples have the same features: there is '
            'nothing to tell apart'
        )
    try:
        from sklearn.decomposition import PCA
        from sklearn.manifold import TSNE
    except ModuleNotFoundError as error:
        raise ImportError(
            "t-SNE needs scikit-learn; run: pip install 'scikit-learn'"
        ) from error
    pca = PCA(min(PCA_CHANNELS, *features.shape), random_state=seed)
    tsne = TSNE(perplexity=perplexity, init='pca', random_state=seed)
    return tsne.fit_transform(pca.fit_transform(features))
