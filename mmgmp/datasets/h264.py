# Copyright (c) mmgmp authors.
"""What the units of an H.264 stream in an mp4 file say of a frame.

An mp4 file holds the network abstraction layer (NAL) units of a frame one
after another, each behind its length (ISO/IEC 14496-15). The first byte of a
unit has its ``nal_ref_idc``, two bits, and its type, five (ITU-T H.264,
7.3.1).
"""

_REFERENCE = 0b01100000
_TYPE = 0b00011111
# A slice of a picture that is no random access point.
_SLICE = 1
# Supplemental information, delimiters and filler, which others do not need.
_PASSIVE = (6, 9, 12)


def nal_length_size(extradata: bytes | None) -> int | None:
    """Bytes of the length before each unit.

    Args:
        extradata: Header of the stream, an ``avcC`` record.

    Returns:
        1 to 4, or None if the header is of another form: then the units do
        not stand behind their lengths.
    """
    if not extradata or len(extradata) < 7 or extradata[0] != 1:
        return None
    return (extradata[4] & 0b11) + 1


def is_disposable(packet: bytes, length_size: int) -> bool:
    """Whether the other frames are decoded alike without this one.

    That is so if ``nal_ref_idc`` is 0 in all of its units: no other frame
    refers to it then, and none depends on its number (7.4.1).

    Args:
        packet: Units of one frame, each behind its length; anything that has
            the buffer of a bytes object.
        length_size: See :func:`nal_length_size`.

    Returns:
        False also if the units are not all known and whole.
    """
    data = memoryview(packet)
    place, slices = 0, 0
    while place < len(data):
        begin = place + length_size
        length = int.from_bytes(data[place:begin], 'big')
        place = begin + length
        if not length or place > len(data) or data[begin] & _REFERENCE:
            return False
        kind = data[begin] & _TYPE
        if kind != _SLICE and kind not in _PASSIVE:
            return False
        slices += kind == _SLICE
    return slices > 0
