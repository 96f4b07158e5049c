# Copyright (c) mmgmp authors.
import numpy as np
from sklearn.decomposition import PCA

from .checks import finite_array

# With more, a density ratio estimated from some hundred samples gives a few
# of them all the weight.
_MAX_COMPONENTS = 5
# Spread, relative to the largest feature, that is rounding in float32.
_RESOLUTION = 1e-7


def whitened_components(
    source_features: np.ndarray, target_features: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Project two domains onto their common principal components.

    The leading 5 at most: a component that varies by rounding only is left
    out. One modality of concatenated features leads if its scale does.

    Args:
        source_features: (N_s, D) embeddings.
        target_features: (N_t, D) embeddings.

    Returns:
        (N_s, d) and (N_t, d) float64 coordinates. Each column has variance 1
        over both domains, or d is 1 and all are 0 if all rows are equal.

    Raises:
        ValueError: An array is empty, not 2-d or not finite, or the widths
            differ.
    """
    source = finite_array('source_features', source_features, 2)
    target = finite_array('target_features', target_features, 2)
    if source.shape[1] != target.shape[1]:
        raise ValueError(
            'source_features and target_features must be equally wide, got '
            f'{source.shape[1]} and {target.shape[1]} columns'
        )
    features = np.concatenate([source, target])
    pca = PCA(min(_MAX_COMPONENTS, *features.shape), random_state=0)
    # The share of variance, which is not used, is 0 / 0 for equal rows.
    with np.errstate(invalid='ignore'):
        components = pca.fit_transform(features)
    scales = components.std(axis=0)
    kept = scales > _RESOLUTION * np.abs(features).max()
    if not kept.any():
        components = np.zeros((len(features), 1))
    else:
        components = components[:, kept] / scales[kept]
    return components[: len(source)], components[len(source) :]
