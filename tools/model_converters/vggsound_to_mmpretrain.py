# Copyright (c) mmgmp authors.
"""Convert a published VGGSound checkpoint to the audio encoder."""

from mmgmp.utils.command_line import run_converter
from mmgmp.utils.encoder_rules import VGGSOUND_RULES

if __name__ == '__main__':
    run_converter(__doc__, ['audio'], 'model_state_dict', VGGSOUND_RULES)
