# Copyright (c) mmgmp authors.
"""Convert a recognizer of mmaction 0.x or 1.x to a video or flow encoder."""

from mmgmp.utils.command_line import run_converter
from mmgmp.utils.encoder_rules import MMACTION_RULES

if __name__ == '__main__':
    run_converter(__doc__, ['video', 'flow'], 'state_dict', MMACTION_RULES)
