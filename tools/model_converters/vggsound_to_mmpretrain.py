# Copyright (c) mmgmp authors.
"""Make the audio encoder from a published VGGSound checkpoint."""

import mmgmp  # noqa: F401, registers the models
from mmgmp.utils.convert_checkpoint import run_converter
from mmgmp.utils.encoder_weights import VGGSOUND_RULES

if __name__ == '__main__':
    run_converter(__doc__, ['audio'], 'model_state_dict', VGGSOUND_RULES)
